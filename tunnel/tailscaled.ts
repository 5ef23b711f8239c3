import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { after, type Clock } from '../base/clock.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface TailscaledOptions {
  /** The executable. */
  readonly binary: string;
  /** Its own directory: the socket and its state, which is in memory, so a few caches. */
  readonly directory: string;
  readonly socksPort: number;
  /** The folder of extra CAs, as PEM files; it may be missing. */
  readonly extraCas: string;
  readonly env: Env;
  readonly clock: Clock;
}

/** What the tunnel needs of the process that makes it. */
export interface Daemon {
  /** The unix socket of its LocalAPI. */
  readonly socket: string;
  readonly running: boolean;
  /** Settles when the process that was started last has ended, with how. */
  readonly exit: Promise<string>;
  /** Why the control server could not be asked last; undefined after a start. */
  readonly controlError: string | undefined;
  /** When the control server last answered a login, or could not be asked, by the monotonic clock. */
  readonly lastRegistrationMs: number;
  /** The end of its log. */
  readonly lines: readonly string[];
  /** Called when the process has ended, with how. */
  onExit: (how: string) => void;
  /** Called when the control server no longer knows this node. */
  onForgotten: () => void;
  /** Called when the control server could not be asked, with the reason. */
  onControlError: (reason: string) => void;
  start(): void;
  /** Ends it within the time, by force if need be. */
  stop(withinMs: number): Promise<void>;
  /** Ends it at once, by force: for one that no longer hears. */
  destroy(): void;
}

/** Kept for the moment something goes wrong: these many lines, each cut to this length. */
const keptLines = 40;
const keptChars = 400;

/** Without all four tailscaled does not know that it is in Lambda, and takes a link-local address for no network. */
const lambdaMarks = [
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_RUNTIME_API',
];
const passedOn = [...lambdaMarks, 'PATH', 'TMPDIR', 'GOGC', 'GODEBUG', 'GOMAXPROCS', 'SSL_CERT_FILE'];

/**
 * The tailscaled process: userspace networking, state in memory, SOCKS5 on 127.0.0.1.
 *
 * The key is in neither its arguments nor its environment. Its log is read, kept short, and searched for the three
 * things that LocalAPI does not tell: why the control server cannot be reached, that it has answered a login, and that it no
 * longer knows this node.
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
    const { binary, directory, socksPort } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#lines = [];
    this.#controlError = undefined;
    const child = spawn(
      binary,
      [
        '--tun=userspace-networking',
        '--state=mem:',
        `--statedir=${directory}`,
        `--socket=${this.socket}`,
        '--port=0',
        `--socks5-server=127.0.0.1:${socksPort}`,
        '--no-logs-no-support',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: daemonEnvironment(this.#options) },
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

  /** SIGTERM, and SIGKILL when it has not ended in time. With its state in memory it logs out by itself first. */
  async stop(withinMs: number): Promise<void> {
    this.#child?.kill('SIGTERM');
    const stopTimer = after(this.#options.clock, withinMs, () => this.destroy());
    await this.#exit;
    stopTimer();
  }

  /** Kills it at once, when nothing can be awaited any more. */
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

/** Nothing of the function's own environment but what is named here: no credentials, no key. */
function daemonEnvironment({ env, extraCas }: TailscaledOptions): Record<string, string> {
  const own: Record<string, string> = {
    HOME: '/tmp',
    // Small requests cost the same as without; 50 bodies of 4 MB need half the memory.
    GOMEMLIMIT: env.GOMEMLIMIT || '48MiB',
    TS_NO_LOGS_NO_SUPPORT: 'true',
    TS_DISABLE_PORTMAPPER: 'true',
  };
  for (const name of passedOn) {
    const value = env[name];
    if (value !== undefined) own[name] = value;
  }
  const directories = certificateDirectories(env.SSL_CERT_DIR, extraCas);
  if (directories !== undefined) own.SSL_CERT_DIR = directories;
  return own;
}

/**
 * Sets SSL_CERT_DIR so that the extra CAs are trusted beside the system's.
 *
 * Go reads one bundle (SSL_CERT_FILE or the system's) and every file of these directories; naming a directory replaces
 * Go's own two, so they are named again (crypto/x509/root_unix.go).
 */
export function certificateDirectories(given: string | undefined, extraCas: string): string | undefined {
  let names: string[] = [];
  try {
    names = readdirSync(extraCas);
  } catch {
    // No such directory: no extra CAs.
  }
  if (!names.some((name) => /\.(pem|crt)$/.test(name))) return given;
  return `${given || '/etc/ssl/certs:/etc/pki/tls/certs'}:${extraCas}`;
}

function ignore(): void {}
