import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from './log.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that the lab started and ends again. */
export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly log: Log;
  readonly exited: Promise<Exit>;
  readonly alive: boolean;
  /** Sends the signal and waits; one that outlives `limitMs` is killed. */
  stop(signal?: NodeJS.Signals, limitMs?: number): Promise<Exit>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/**
 * Starts a process whose two outputs go to one log.
 *
 * `env` is the whole environment beside PATH: nothing of the machine's own gets in.
 */
export function start(name: string, argv: readonly string[], options: StartOptions = {}): Running {
  const [command, ...args] = argv as [string, ...string[]];
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = new Log();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => log.append(chunk));
  }
  let alive = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      alive = false;
      log.append(`${error.message}\n`);
      resolve({ code: 127, signal: null });
    });
    child.once('close', (code, signal) => {
      alive = false;
      resolve({ code, signal });
    });
  });
  return {
    name,
    pid: child.pid ?? 0,
    log,
    exited,
    get alive() {
      return alive;
    },
    async stop(signal = 'SIGTERM', limitMs = 3_000) {
      if (alive) child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

/**
 * Runs a command to its end and gives what it printed.
 *
 * @throws Error with the command and the last line of its error output
 */
export async function run(
  argv: readonly string[],
  options: StartOptions & { input?: string } = {},
): Promise<string> {
  const [command, ...args] = argv as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        cwd: options.cwd,
        env: { PATH: process.env.PATH, ...options.env },
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const reason = stderr.trim().split('\n').at(-1) ?? '';
        reject(new Error(`${argv.join(' ')}: ${reason === '' ? error.message : reason}`));
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/**
 * Asks again and again until something comes back that is not undefined.
 *
 * @throws Error with the last reason when nothing comes within the limit, or at once when `running` has ended
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  options: { readonly limitMs?: number; readonly everyMs?: number; readonly running?: Running } = {},
): Promise<T> {
  const { limitMs = 60_000, everyMs = 10, running } = options;
  const end = Date.now() + limitMs;
  let reason = '';
  for (;;) {
    try {
      const got = await ask();
      if (got !== undefined) return got;
    } catch (error) {
      reason = `: ${(error as Error).message}`;
    }
    if (running !== undefined && !running.alive) {
      throw new Error(`${running.name} ended before ${what}; its last lines:\n${running.log.tail()}`);
    }
    if (Date.now() > end) {
      // What does not come up is ended: left alone it would keep the test's process, which nobody then ends.
      await running?.stop('SIGKILL');
      const lines =
        running === undefined ? '' : `; the last lines of ${running.name}:\n${running.log.tail()}`;
      throw new Error(`not within ${limitMs} ms: ${what}${reason}${lines}`);
    }
    await sleep(everyMs);
  }
}
