import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup/cpu';
const prefix = 'postern-lab-';
// A short period, so that a small share is spread evenly instead of coming in bursts.
const periodUs = 20_000;

/** A group of processes with a share of one CPU: cgroup version 1, since version 2 often has no cpu controller. */
export interface CpuGroup {
  /** What a process writes `0` to, and its children to come are in the group with it. */
  readonly joinFile: string;
  /** The share in CPUs, such as 0.145 for a function of 256 MB; undefined takes the limit away. */
  limit(cpus: number | undefined): void;
  /** How long its processes have waited for their share: zero when the limit never held anything back. */
  throttledMs(): number;
  remove(): void;
}

/** Why processes cannot be given a share of a CPU here, or undefined. */
export function whyNoCpuGroup(): string | undefined {
  try {
    accessSync(join(root, 'cgroup.procs'), constants.W_OK);
    return undefined;
  } catch {
    return `needs a cgroup version 1 cpu controller that may be written to, at ${root}`;
  }
}

export function makeCpuGroup(name: string): CpuGroup {
  const folder = join(root, `${prefix}${process.env.POSTERN_LAB_OWNER ?? process.pid}-${name}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'cpu.cfs_period_us'), String(periodUs));
  return {
    joinFile: join(folder, 'cgroup.procs'),
    limit: (cpus) => {
      const quotaUs = cpus === undefined ? -1 : Math.round(cpus * periodUs);
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quotaUs));
    },
    throttledMs: () => {
      const stat = readFileSync(join(folder, 'cpu.stat'), 'utf8');
      return Number(/^throttled_time ([0-9]+)$/m.exec(stat)?.[1]) / 1e6;
    },
    remove: () => rmdirSync(folder),
  };
}

/** Removes the groups of laboratories whose process is gone: a group is the one thing that outlives its namespace. */
export function removeDeadCpuGroups(): void {
  if (!existsSync(root)) return;
  for (const name of readdirSync(root)) {
    const owner = /^postern-lab-([0-9]+)-/.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    try {
      rmdirSync(join(root, name));
    } catch {
      // still has processes, or another run was quicker
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
