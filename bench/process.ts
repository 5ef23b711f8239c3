import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** A program under measurement: started on given cores, its CPU time read from /proc, stopped by its own pid. */
export class MeasuredProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts `command` on the cores named (as for taskset) and waits until `port` on 127.0.0.1 accepts. */
  static async start(
    cores: string,
    command: readonly string[],
    port: number,
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<MeasuredProcess> {
    const child = spawn('taskset', ['-c', cores, ...command], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const measured = new MeasuredProcess(child);
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (child.exitCode !== null)
        throw new Error(`${command[0]} ended with ${child.exitCode} before it listened on ${port}`);
      if (await accepts(port)) return measured;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await measured.stop();
    throw new Error(`${command[0]} does not listen on ${port} after 10 s`);
  }

  /** CPU time of the process and its children so far, user and system, in seconds (proc(5): utime and stime). */
  cpuSeconds(): number {
    return tree(this.#child.pid as number).reduce((sum, pid) => sum + cpuTicks(pid), 0) / ticksPerSecond;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** A process and all its descendants. */
function tree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const stat = readStat(Number(entry));
    if (stat !== undefined) parents.set(Number(entry), Number(stat[1]));
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

function cpuTicks(pid: number): number {
  const stat = readStat(pid);
  return stat === undefined ? 0 : Number(stat[11]) + Number(stat[12]);
}

/** The fields of /proc/PID/stat from `state` on: the name before it may hold blanks. */
function readStat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
