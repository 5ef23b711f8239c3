import http from 'node:http';
import { after, type Clock } from '../base/clock.ts';
import { type CallAnswer, call, noServerName } from '../base/http/call.ts';
import { ignore } from '../base/ignore.ts';

/** tailscaled's states, as numbers on the bus (ipn.State). */
export const State = { needsLogin: 2, needsApproval: 3, stopped: 4, starting: 5, running: 6 } as const;

/** The used fields of `ipn.Notify`. */
export interface Notify {
  readonly State?: number | null;
  readonly ErrMessage?: string | null;
  readonly BrowseToURL?: string | null;
  /** This node, after the control server gave it another address or key. */
  readonly SelfChange?: object | null;
}

/** The used fields of `ipnstate.Status`. */
export interface Status {
  readonly BackendState: string;
  readonly Peer?: Readonly<Record<string, PeerStatus>> | null;
}

export interface PeerStatus {
  readonly DNSName: string;
  readonly TailscaleIPs?: readonly string[] | null;
  readonly AllowedIPs?: readonly string[] | null;
  readonly Online: boolean;
}

export interface Pong {
  /** Empty for a pong; otherwise why the ping was not sent. */
  readonly Err: string;
  readonly LatencySeconds: number;
}

export interface LoginOptions {
  /** Undefined for a node that tailscaled already knows. */
  readonly authKey: string | undefined;
  readonly controlUrl: string;
  readonly hostname: string;
  readonly tags: readonly string[];
}

const callMs = 2_000;
/** A status lists every peer, about 1 KB each. */
const maxStatusBytes = 16 * 1024 * 1024;
const maxLineChars = 1024 * 1024;
const headers = { host: 'local-tailscaled.sock' };

/**
 * tailscaled's LocalAPI over its unix socket: no command line is needed, and the key is not part of any argument list.
 *
 * Tailscale does not document it as stable; go.mod pins the version that this was written for. Its source is
 * ipn/localapi/localapi.go.
 */
export class LocalApi {
  readonly clock: Clock;
  /** The path of the unix socket. */
  readonly socket: string;
  /** Unanswered requests that change the node. */
  readonly #changes = new Set<Promise<unknown>>();
  #sealed = false;
  #lastLoginMs = -Infinity;

  constructor(socket: string, clock: Clock) {
    this.socket = socket;
    this.clock = clock;
  }

  /** When the last request that makes tailscaled log in was sent, by the monotonic clock. */
  get lastLoginMs(): number {
    return this.#lastLoginMs;
  }

  /** From now on only `logout` changes the node; other requests are refused. Resolves when the earlier requests are answered. */
  async seal(): Promise<void> {
    this.#sealed = true;
    await Promise.allSettled(this.#changes);
  }

  /** Gives tailscaled its settings and the key, and ends its current work at the control server. */
  async start(options: LoginOptions): Promise<void> {
    await this.#change('POST', 'start', {
      ...(options.authKey !== undefined && { AuthKey: options.authKey }),
      UpdatePrefs: {
        ControlURL: options.controlUrl,
        WantRunning: true,
        Hostname: options.hostname,
        ShieldsUp: true,
        CorpDNS: false,
        RouteAll: true,
        ...(options.tags.length > 0 && { AdvertiseTags: options.tags }),
      },
    });
  }

  /** Logs in with the key from `start`, possibly again; the bus reports the outcome. */
  async login(): Promise<void> {
    this.#lastLoginMs = this.clock.monotonic();
    await this.#change('POST', 'login-interactive');
  }

  /** Takes the engine down or up. Down and up again resets the WireGuard sessions with its peers. */
  async setRunning(wanted: boolean): Promise<void> {
    if (wanted) this.#lastLoginMs = this.clock.monotonic();
    await this.#change('PATCH', 'prefs', { WantRunning: wanted, WantRunningSet: true });
  }

  /** Resolves if tailscaled answers at all, with the locks that everything else needs. */
  async answers(timeoutMs: number): Promise<void> {
    await call({
      to: this.socket,
      method: 'GET',
      path: '/localapi/v0/status?peers=false',
      headers,
      timeoutMs,
      clock: this.clock,
    });
  }

  async status(peers: boolean): Promise<Status> {
    const answer = await this.#must('GET', `status?peers=${peers}`, undefined, callMs, maxStatusBytes);
    return JSON.parse(answer.body) as Status;
  }

  /**
   * Sends one ping and waits for its pong; tailscaled never repeats it.
   *
   * @param type `disco` finds the path outside WireGuard, `TSMP` uses the peer's WireGuard session
   */
  async ping(ip: string, type: 'disco' | 'TSMP', timeoutMs: number, signal?: AbortSignal): Promise<Pong> {
    const answer = await call({
      to: this.socket,
      method: 'POST',
      path: `/localapi/v0/ping?ip=${encodeURIComponent(ip)}&type=${type}`,
      headers,
      timeoutMs,
      clock: this.clock,
      signal,
    });
    if (answer.status !== 200) throw new Error(`ping: ${answer.status} ${answer.body.slice(0, 200)}`);
    return JSON.parse(answer.body) as Pong;
  }

  /** Leaves the tailnet: the control server deletes an ephemeral node at once. */
  async logout(timeoutMs: number): Promise<void> {
    await this.#must('POST', 'logout', undefined, timeoutMs);
  }

  /**
   * Opens tailscaled's bus; resolves when it is open, rejects if tailscaled does not listen.
   *
   * `onEnd` is called once when the bus ends: when tailscaled ends or finds this reader too slow.
   */
  watch(
    onNotify: (notify: Notify) => void,
    onEnd: () => void,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = http.request({
        socketPath: this.socket,
        path: '/localapi/v0/watch-ipn-bus?mask=2',
        headers,
        agent: false,
        ...noServerName,
        signal,
      });
      const late = () => request.destroy(new Error('the bus does not open'));
      const stopTimer = after(this.clock, timeoutMs, late);
      request.on('error', reject);
      request.on('response', function read(answer) {
        stopTimer();
        if (answer.statusCode !== 200) {
          request.destroy(new Error(`watch-ipn-bus: ${answer.statusCode}`));
          return;
        }
        answer.setEncoding('utf8');
        answer.on(
          'data',
          notifyReader(onNotify, () => request.destroy()),
        );
        answer.on('error', ignore);
        answer.on('close', onEnd);
        resolve();
      });
      request.on('close', stopTimer);
      request.end();
    });
  }

  async #change(method: 'POST' | 'PATCH', path: string, body?: unknown): Promise<void> {
    if (this.#sealed) throw new Error('the node is leaving the tailnet');
    const change = this.#must(method, path, body);
    this.#changes.add(change);
    await change.finally(() => this.#changes.delete(change));
  }

  async #must(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body?: unknown,
    timeoutMs: number = callMs,
    maxBytes?: number,
  ): Promise<CallAnswer> {
    const answer = await call({
      to: this.socket,
      method,
      path: `/localapi/v0/${path}`,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      timeoutMs,
      clock: this.clock,
      ...(maxBytes !== undefined && { maxBytes }),
    });
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`tailscaled answered ${answer.status} to ${path}: ${answer.body.slice(0, 200)}`);
    }
    return answer;
  }
}

/** One JSON object per line. An invalid line, or one without an end, ends the bus. */
function notifyReader(onNotify: (notify: Notify) => void, onGarbage: () => void): (chunk: string) => void {
  let rest = '';
  return function readNotifies(chunk) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineChars) return onGarbage();
    for (const line of lines) {
      let notify: Notify;
      try {
        notify = JSON.parse(line) as Notify;
      } catch {
        return onGarbage();
      }
      onNotify(notify);
    }
  };
}
