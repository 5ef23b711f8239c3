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
import { ignore } from '../../base/ignore.ts';
import type { Lab } from '../../test/e2e/lab/lab.ts';
import { smallMemory } from '../../test/e2e/lab/small-memory.ts';
import { functionEnv, openPath } from './path.ts';

const root = '/sys/fs/cgroup/memory';
const prefix = 'postern-bench-';
const small = 60;
const large = 4;
const largeBytes = 4 * 1024 * 1024;
const sampleMs = 20;
const megabyte = 1024 * 1024;

/** Whether function, extension and tailscaled fit into a function's memory. */
export interface Fit {
  readonly memoryMb: number;
  readonly smallRequests: number;
  readonly largeBodies: number;
  /** How many of these failed. */
  readonly failed: number;
  /** How many processes the kernel ended because the limit was reached. */
  readonly killed: number;
  /**
   * The most that was resident at one time, in MB (2^20), pages of a file that processes share counted once: what
   * the sandbox needs with its files in memory.
   */
  readonly residentMb: number;
  /** The part that is not backed by a file, and so cannot be dropped and read again. */
  readonly anonymousMb: number;
}

export function whyNoMemoryGroup(): string | undefined {
  try {
    accessSync(join(root, 'cgroup.procs'), constants.W_OK);
    return undefined;
  } catch {
    return `needs a cgroup version 1 memory controller that may be written to, at ${root}`;
  }
}

/**
 * Runs small requests and bodies of 4 MB in a sandbox whose memory is limited by the kernel.
 *
 * The limit is milder than Lambda's: what other processes of this machine have in the page cache already, such as
 * Node's own program, is not charged to the sandbox. What fails here fails on Lambda too.
 */
export async function measureFit(lab: Lab, memoryMb: number): Promise<Fit> {
  const path = await openPath(lab, {
    cpuGroup: true,
    env: { ...functionEnv, ...smallMemory },
  });
  const group = join(root, `${prefix}${process.pid}-${memoryMb}`);
  mkdirSync(group);
  writeFileSync(join(group, 'memory.limit_in_bytes'), String(memoryMb * megabyte));
  // The emulator, before it has started anything, so that all its children are in the group.
  const emulator = readFileSync(path.forwarder.cpu?.joinFile as string, 'utf8')
    .trim()
    .split('\n');
  for (const pid of emulator) writeFileSync(join(group, 'cgroup.procs'), pid);

  let failed = 0;
  let most = { residentMb: 0, anonymousMb: 0 };
  const sampler = setInterval(function sample() {
    const now = residentOf(path.forwarder.processes().map(({ pid }) => pid));
    if (now.residentMb > most.residentMb) most = now;
  }, sampleMs);
  const body = Buffer.alloc(largeBytes, 'x');
  for (let sent = 0; sent < small + large; sent += 1) {
    try {
      await (sent < small ? path.webhook() : path.bytes(body));
    } catch {
      failed += 1;
    }
  }
  clearInterval(sampler);
  const killed = Number(
    /^oom_kill ([0-9]+)$/m.exec(readFileSync(join(group, 'memory.oom_control'), 'utf8'))?.[1],
  );
  await path.forwarder.kill();
  await path.shutdown().catch(ignore);
  removeGroups();
  return { memoryMb, smallRequests: small, largeBodies: large, failed, killed, ...most };
}

/** Pages of one file are in memory once, however many processes have them: of each file the process with the most counts. */
function residentOf(pids: readonly number[]): { readonly residentMb: number; readonly anonymousMb: number } {
  const files = new Map<string, number>();
  let anonymous = 0;
  for (const pid of pids) {
    const own = new Map<string, number>();
    for (const { file, residentKb, anonymousKb } of mappings(pid)) {
      anonymous += anonymousKb;
      if (file !== undefined) own.set(file, (own.get(file) ?? 0) + residentKb - anonymousKb);
    }
    for (const [file, kb] of own) files.set(file, Math.max(files.get(file) ?? 0, kb));
  }
  const shared = [...files.values()].reduce((sum, kb) => sum + kb, 0);
  return { residentMb: (anonymous + shared) / 1024, anonymousMb: anonymous / 1024 };
}

interface Mapping {
  readonly file: string | undefined;
  readonly residentKb: number;
  readonly anonymousKb: number;
}

/** proc(5), /proc/PID/smaps */
function mappings(pid: number): readonly Mapping[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/smaps`, 'utf8');
  } catch {
    return [];
  }
  return text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).map((entry) => {
    const [, device, inode] = /^\S+ \S+ \S+ (\S+) ([0-9]+)/.exec(entry) ?? [];
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+([0-9]+) kB`, 'm').exec(entry)?.[1] ?? 0);
    return {
      file: inode === undefined || inode === '0' ? undefined : `${device} ${inode}`,
      residentKb: kilobytes('Rss'),
      anonymousKb: kilobytes('Anonymous'),
    };
  });
}

/** A group outlives its processes, so groups of an interrupted run are left behind. */
function removeGroups(): void {
  for (const name of readdirSync(root)) {
    const owner = new RegExp(`^${prefix}([0-9]+)-`).exec(name)?.[1];
    if (owner === undefined || (Number(owner) !== process.pid && existsSync(`/proc/${owner}`))) continue;
    try {
      rmdirSync(join(root, name));
    } catch {
      // its processes are still ending
    }
  }
}
