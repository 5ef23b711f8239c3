import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { after, type Clock } from '../base/clock.ts';
import { ignore } from '../base/ignore.ts';

export interface TailscaledOptions {
  /** The executable. */
  readonly binary: string;
  /** Its own directory, for the socket and its caches; created if it is missing. */
  readonly directory: string;
  /** The file of the node's identity. Undefined keeps it in memory: then the node is new at each start. */
  readonly stateFile?: string;
  /** The port of its SOCKS5 server on 127.0.0.1; undefined for no server. */
  readonly socksPort?: number;
  /** The UDP port of WireGuard, or another one if it is taken. Default: any. */
  readonly udpPort?: number;
  /** Its whole environment, without the variables of this process. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/**
 * The key is sent to the socket in this folder: a user who can replace that socket gets the key.
 *
 * @throws Error if the folder belongs to another user, or if everyone may write to it
 */
function refuseForeign(directory: string): void {
  const { uid, mode } = statSync(directory);
  const own = process.geteuid?.() ?? uid;
  if (uid !== own && uid !== 0)
    throw new Error(
      `${directory} belongs to another user (${uid}), who could take the auth key; use a folder of this user (${own})`,
    );
  if ((mode & 0o002) !== 0)
    throw new Error(
      `everyone may write to ${directory} and could take the auth key; use a folder with mode 0700, such as a new one below it`,
    );
}

/** The parts of the daemon's process that the tunnel uses. */
export interface Daemon {
  /** The unix socket of its LocalAPI. */
  readonly socket: string;
  readonly running: boolean;
  /** Resolves with a description when the last started process has ended. */
  readonly exit: Promise<string>;
  /** Why the control server could not be reached last; undefined after a start. */
  readonly controlError: string | undefined;
  /** When the control server last answered a login or could not be reached, by the monotonic clock. */
  readonly lastRegistrationMs: number;
  /** The end of its log. */
  readonly lines: readonly string[];
  /** Called with a description when the process has ended. */
  onExit: (how: string) => void;
  /** Called when the control server no longer knows this node. */
  onForgotten: () => void;
  /** Called with the reason when the control server could not be reached. */
  onControlError: (reason: string) => void;
  start(): void;
  /** Ends it within the time, by force if necessary. */
  stop(withinMs: number): Promise<void>;
  /** Kills it at once, if it no longer reacts. */
  destroy(): void;
}

/** Kept for diagnosis: this many lines, each cut to this length. */
const keptLines = 40;
const keptChars = 400;

/**
 * The tailscaled process, with userspace networking: it needs no privilege, and does not change the machine's own network.
 *
 * The key is in neither its arguments nor its environment. Its log is read, kept short, and searched for three facts that LocalAPI
 * does not report: why the control server cannot be reached, that it has answered a login, and that it no longer knows this node.
 */
export class Tailscaled implements Daemon {
  readonly socket: string;
  readonly #options: TailscaledOptions;
  #child: ChildProcess | undefined;
  #exit: Promise<string> = Promise.resolve('it was never started');
  #lines: string[] = [];
  #controlError: string | undefined;
  #lastRegistrationMs = -Infinity;

  onExit: (how: string) => void = ignore;
  onForgotten: () => void = ignore;
  onControlError: (reason: string) => void = ignore;

  constructor(options: TailscaledOptions) {
    this.#options = options;
    this.socket = `${options.directory}/tailscaled.sock`;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get exit(): Promise<string> {
    return this.#exit;
  }

  get controlError(): string | undefined {
    return this.#controlError;
  }

  get lastRegistrationMs(): number {
    return this.#lastRegistrationMs;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  start(): void {
    const { binary, directory, stateFile, socksPort, udpPort = 0, env } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    refuseForeign(directory);
    this.#lines = [];
    this.#controlError = undefined;
    const child = spawn(
      binary,
      [
        '--tun=userspace-networking',
        `--state=${stateFile ?? 'mem:'}`,
        `--statedir=${directory}`,
        `--socket=${this.socket}`,
        `--port=${udpPort}`,
        ...(socksPort === undefined ? [] : [`--socks5-server=127.0.0.1:${socksPort}`]),
        '--no-logs-no-support',
      ],
      // Its own process group: Ctrl-C in a terminal must not end it while requests are under way.
      { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true },
    );
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', this.#lineReader());
    this.#exit = new Promise((resolve) => {
      const ended = (how: string) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        resolve(how);
        this.onExit(how);
      };
      child.on('error', (error) => ended(`it could not be started: ${error.message}`));
      child.on('close', (code, signal) => ended(`it ended with ${signal ?? `status ${code}`}`));
    });
  }

  /** SIGTERM, and SIGKILL if it has not ended in time. With its state in memory it logs out by itself first. */
  async stop(withinMs: number): Promise<void> {
    this.#child?.kill('SIGTERM');
    const stopTimer = after(this.#options.clock, withinMs, () => this.destroy());
    await this.#exit;
    stopTimer();
  }

  /** Kills it at once, because nothing can be awaited. */
  kill(): void {
    this.#child?.kill('SIGTERM');
  }

  destroy(): void {
    this.#child?.kill('SIGKILL');
  }

  #lineReader(): (chunk: string) => void {
    let rest = '';
    return (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, keptChars);
      for (const line of lines) this.#keep(line.slice(0, keptChars));
    };
  }

  #keep(line: string): void {
    if (this.#lines.push(line) > keptLines) this.#lines.shift();
    const error = /^\S+ \S+ Received error: (.*)/.exec(line)?.[1];
    if (error !== undefined) {
      this.#controlError = error;
      this.onControlError(error);
    }
    if (error !== undefined || line.includes('RegisterReq: got response'))
      this.#lastRegistrationMs = this.#options.clock.monotonic();
    if (line.includes('initial fetch failed 404')) this.onForgotten();
  }
}
