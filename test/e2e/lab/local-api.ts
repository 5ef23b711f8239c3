import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './http.ts';

/** What the lab asks of a tailscaled over its unix socket; the calls are those of Tailscale's own command line. */
export interface LocalApi {
  /** Joins with an auth key and returns once the node is running. */
  join(options: { key: string; controlUrl: string; hostname: string; limitMs?: number }): Promise<void>;
  /** The node's own addresses, and those of its peers by name. */
  status(): Promise<LocalStatus>;
  /** Sends disco pings until one is answered. */
  ping(address: string, limitMs?: number): Promise<boolean>;
}

export interface LocalStatus {
  readonly state: string;
  readonly addresses: readonly string[];
  readonly peers: Readonly<Record<string, readonly string[]>>;
}

// tailscaled answers only to this name, so that a browser on the machine cannot be made to call it.
const headers = { host: 'local-tailscaled.sock' };
const running = 6;

export function localApi(socketPath: string): LocalApi {
  async function ask(method: string, path: string, json?: unknown): Promise<string> {
    const body = json === undefined ? {} : { body: JSON.stringify(json) };
    const url = `http://${headers.host}/localapi/v0/${path}`;
    const answer = await call(url, { method, socketPath, headers, limitMs: 5_000, ...body });
    const text = answer.body.toString();
    if (answer.status > 299) throw new Error(`tailscaled: ${method} ${path}: ${answer.status} ${text}`);
    return text;
  }

  return {
    async join({ key, controlUrl, hostname, limitMs = 60_000 }) {
      const joined = waitForRunning(socketPath, limitMs);
      // Until it is awaited, its failure would count as unhandled.
      joined.catch(() => {});
      const prefs = { ControlURL: controlUrl, WantRunning: true, Hostname: hostname, CorpDNS: false };
      await ask('POST', 'start', { AuthKey: key, UpdatePrefs: prefs });
      await ask('POST', 'login-interactive');
      await joined;
    },
    async status() {
      const raw = JSON.parse(await ask('GET', 'status')) as RawStatus;
      const peers = Object.values(raw.Peer ?? {}).map((peer) => [peer.HostName, peer.TailscaleIPs ?? []]);
      return {
        state: raw.BackendState,
        addresses: raw.TailscaleIPs ?? [],
        peers: Object.fromEntries(peers) as Record<string, readonly string[]>,
      };
    },
    async ping(address, limitMs = 2_000) {
      const end = Date.now() + limitMs;
      while (Date.now() < end) {
        // One call sends one ping and waits for it alone, for up to 10 s.
        const answer = await Promise.race([
          ask('POST', `ping?ip=${address}&type=disco`).catch(() => undefined),
          sleep(250).then(() => undefined),
        ]);
        if (answer !== undefined && (JSON.parse(answer) as { Err: string }).Err === '') return true;
      }
      return false;
    },
  };
}

interface RawStatus {
  readonly BackendState: string;
  readonly TailscaleIPs?: readonly string[];
  readonly Peer?: Readonly<Record<string, { HostName: string; TailscaleIPs?: readonly string[] }>>;
}

function waitForRunning(socketPath: string, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path: '/localapi/v0/watch-ipn-bus?mask=2', headers }, (answer) => {
      let rest = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const notice = JSON.parse(line) as { ErrMessage?: string | null; State?: number | null };
          if (typeof notice.ErrMessage === 'string') end(new Error(`tailscaled: ${notice.ErrMessage}`));
          if (notice.State === running) end();
        }
      });
    });
    const timer = setTimeout(() => end(new Error(`tailscaled did not join within ${limitMs} ms`)), limitMs);
    const end = (error?: Error): void => {
      clearTimeout(timer);
      request.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    request.on('error', (error) => end(error));
  });
}
