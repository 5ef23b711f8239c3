import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { type Notify, type PeerStatus, State } from '../../tunnel/localapi.ts';
import type { Daemon } from '../../tunnel/tailscaled.ts';
import { readBody } from './listen.ts';

export interface FakeRefusal {
  readonly status: number;
  /** Lines, each with its end. */
  readonly headers?: string;
  readonly body: string;
}

export interface StartBody {
  readonly AuthKey?: string;
  readonly UpdatePrefs: Readonly<Record<string, unknown>>;
}

/**
 * A daemon that is not a process: a server that speaks LocalAPI on a unix socket, for what the real tailscaled does only when a
 * tailnet is broken in a certain way. What it does is set by the fields, at any time.
 */
export class FakeTailscaled implements Daemon {
  readonly socket: string;
  readonly lines: string[] = [];
  controlError: string | undefined;
  onExit: (how: string) => void = () => {};
  onForgotten: () => void = () => {};
  onControlError: (reason: string) => void = () => {};

  /** What the bus tells when somebody logs in with the key. */
  onLogin: (authKey: string) => readonly Notify[] = () => [
    { State: State.starting },
    { SelfChange: {} },
    { State: State.running },
  ];
  /** What the bus tells when somebody starts the backend, before the call is answered. */
  onStart: () => readonly Notify[] = () => [];
  /** Whether a ping to the address is answered. */
  pongs: (ip: string, type: string) => boolean = () => true;
  peers: Partial<PeerStatus>[] = [peer('target', '100.64.0.1')];
  /** What the bus tells a new reader. */
  state: number = State.needsLogin;
  /** What becomes of a dial: a port of this machine, an answer, or silence. */
  dials: (host: string, port: number) => number | FakeRefusal | 'silence' = () => 'silence';
  /** Paths whose requests are never answered. */
  readonly hung = new Set<string>();

  /** Each request but pings, as `METHOD path body`. */
  readonly calls: string[] = [];
  /** After how long the control server answers a login. */
  registrationMs = 0;
  lastRegistrationMs = -Infinity;
  /** Whether a logout came while a login was on its way, which a control server may take after it. */
  loggedOutDuringLogin = false;
  readonly pings: string[] = [];
  readonly starts: StartBody[] = [];
  startCount = 0;
  stopped = false;
  destroyed = 0;
  #registrations = 0;
  readonly #directory: string;
  #server: http.Server | undefined;
  #watchers = new Set<http.ServerResponse>();
  readonly #dialed = new Set<net.Socket>();
  #ended: (how: string) => void = () => {};
  exit: Promise<string> = Promise.resolve('never started');

  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
    this.socket = join(this.#directory, 's');
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  start(): void {
    this.startCount += 1;
    this.exit = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#server = http.createServer((request, response) => void this.#handle(request, response));
    this.#server.on('upgrade', (request, socket: net.Socket) => this.#dial(request, socket));
    this.#server.listen(this.socket);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.crash('it ended with SIGTERM');
  }

  destroy(): void {
    this.destroyed += 1;
    this.crash('it ended with SIGKILL');
  }

  crash(how: string): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    for (const socket of this.#dialed) socket.destroy();
    this.#server = undefined;
    this.#watchers.clear();
    this.#ended(how);
    this.onExit(how);
  }

  /** To everybody who watches the bus. */
  tell(...notifies: readonly Notify[]): void {
    for (const watcher of this.#watchers) {
      for (const notify of notifies) watcher.write(`${JSON.stringify(notify)}\n`);
    }
  }

  /** Anything at all, as it is. */
  tellRaw(text: string): void {
    for (const watcher of this.#watchers) watcher.write(text);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  remove(): void {
    this.crash('removed');
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://local-tailscaled.sock');
    const path = url.pathname.replace('/localapi/v0/', '');
    const body = await readBody(request);
    if (path !== 'ping') this.calls.push(`${request.method} ${path}${body && ` ${body}`}`);
    if (this.hung.has(path)) return;
    switch (path) {
      case 'watch-ipn-bus':
        response.writeHead(200).write(`${JSON.stringify({ State: this.state })}\n`);
        this.#watchers.add(response);
        response.on('close', () => this.#watchers.delete(response));
        return;
      case 'start':
        this.starts.push(JSON.parse(body) as StartBody);
        this.tell(...this.onStart());
        break;
      case 'login-interactive':
        this.#register();
        this.tell(...this.onLogin(this.starts.at(-1)?.AuthKey ?? ''));
        break;
      case 'logout':
        this.loggedOutDuringLogin ||= this.#registrations > 0;
        break;
      case 'prefs':
        if (JSON.parse(body).WantRunning) this.#register();
        this.tell({ State: JSON.parse(body).WantRunning ? State.running : State.stopped });
        break;
      case 'ping':
        return this.#pong(url.searchParams, response);
      case 'status':
        response.end(
          JSON.stringify({ BackendState: 'Running', Peer: Object.fromEntries(this.peers.entries()) }),
        );
        return;
    }
    response.writeHead(204).end();
  }

  #dial(request: http.IncomingMessage, socket: net.Socket): void {
    const [host, port] = [String(request.headers['dial-host']), Number(request.headers['dial-port'])];
    this.calls.push(`${request.method} dial ${host}:${port}`);
    socket.on('error', () => {});
    this.#dialed.add(socket);
    const to = this.dials(host, port);
    if (to === 'silence') return;
    if (typeof to !== 'number') {
      const { status, headers = '', body } = to;
      const length = Buffer.byteLength(body);
      socket.end(`HTTP/1.1 ${status} x\r\n${headers}content-length: ${length}\r\n\r\n${body}`);
      return;
    }
    const target = net.connect(to, '127.0.0.1');
    target.on('error', () => socket.destroy());
    target.on('close', () => socket.destroy());
    socket.on('close', () => target.destroy());
    // In one packet with what the target says first, if it does so before it is asked.
    target.once('connect', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ts-dial\r\n\r\n');
      socket.pipe(target).pipe(socket);
    });
  }

  #register(): void {
    const answered = () => {
      this.lastRegistrationMs = this.#clock.monotonic();
    };
    if (this.registrationMs === 0) return answered();
    this.#registrations += 1;
    this.#clock.sleep(this.registrationMs).then(() => {
      this.#registrations -= 1;
      answered();
    });
  }

  #pong(query: URLSearchParams, response: http.ServerResponse): void {
    const [ip, type] = [query.get('ip') ?? '', query.get('type') ?? ''];
    this.pings.push(`${type} ${ip}`);
    if (this.pongs(ip, type)) response.end(JSON.stringify({ IP: ip, Err: '', LatencySeconds: 0.001 }));
  }
}

export function peer(name: string, address: string, more: Partial<PeerStatus> = {}): Partial<PeerStatus> {
  return {
    DNSName: `${name}.tail.test.`,
    TailscaleIPs: [address],
    AllowedIPs: [`${address}/32`],
    Online: true,
    ...more,
  };
}
