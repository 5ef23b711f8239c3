import type { Socket } from 'node:net';
import type { Destination } from '../../../base/net/destination.ts';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { dialSocks, type SocksError, type SocksReply } from '../../../base/socks5/dial.ts';
import type { Refusal } from '../../answer/verdict.ts';
import type { Clock } from '../../ports/clock.ts';
import { PauseWatch } from '../pause.ts';
import type { Readiness } from '../readiness.ts';
import { upstreamRefusals } from '../refusals.ts';
import { ConnectError, type CreateTransport, type Transport, type TransportKind } from '../transport.ts';

/** After a longer pause kept connections are not trusted; see transports/direct.ts. */
const trustMs = 30_000;

/** Through any SOCKS5 proxy without authentication; the proxy resolves names. */
export const socks5: TransportKind = {
  name: 'socks5',
  guarded: true,
  parse(text): CreateTransport | undefined {
    if (!/^socks/i.test(text)) return undefined;
    const proxy = parseProxy(text);
    return ({ clock }) => new Socks5Transport(proxy, clock);
  },
};

function parseProxy(text: string): Destination {
  const match = /^socks5:\/\/(?:\[([0-9a-f:.]+)\]|([^\s/?#@:[\]]+)):([0-9]{1,5})\/?$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    // Without the text: it may have a password.
    throw new ConfigurationError('the proxy is not socks5://HOST:PORT', [], hintFor(text));
  }
  return Object.freeze({ host: match[1] ?? (match[2] as string), port });
}

function hintFor(text: string): string {
  if (text.includes('@')) return 'only proxies without user and password are supported';
  if (/^socks5h:/i.test(text)) return 'write socks5 instead of socks5h: the proxy always resolves names';
  if (/^socks4/i.test(text)) return 'only SOCKS5 is supported';
  return 'an example is socks5://127.0.0.1:1080';
}

class Socks5Transport implements Transport {
  readonly #proxy: Destination;
  readonly #clock: Clock;
  readonly #pause: PauseWatch;
  #epoch = 0;

  constructor(proxy: Destination, clock: Clock) {
    this.#proxy = proxy;
    this.#clock = clock;
    this.#pause = new PauseWatch(clock);
  }

  async connect(destination: Destination, withinMs: number): Promise<Socket> {
    try {
      return await dialSocks(this.#proxy, destination, withinMs, this.#clock);
    } catch (error) {
      throw new ConnectError(toReply(error as SocksError, destination), { cause: error });
    }
  }

  ready(): Readiness {
    if (this.#pause.passedMs() > trustMs) this.#epoch += 1;
    return { ready: true, epoch: this.#epoch };
  }

  async close(): Promise<void> {}
}

/** The replies of RFC 1928 section 6 as stable codes. Many proxies, including tailscaled, use one failure for everything. */
const refusalOf: Readonly<Record<SocksReply, Exclude<keyof typeof upstreamRefusals, 'table'>>> = {
  Failure: 'connect-failed',
  NotAllowed: 'target-denied',
  NetworkUnreachable: 'target-offline',
  HostUnreachable: 'target-offline',
  ConnectionRefused: 'connection-refused',
  TTLExpired: 'connect-timeout',
  CommandNotSupported: 'connect-failed',
  AddressNotSupported: 'connect-failed',
};

function toReply(error: SocksError, { host, port }: Destination): Refusal {
  const detail = `${host}:${port}: ${error.message}`;
  if (error.failure === 'timeout') return upstreamRefusals['connect-timeout'](detail);
  if (error.failure === 'no-proxy') return upstreamRefusals['tunnel-not-ready'](detail);
  return upstreamRefusals[refusalOf[error.reply ?? 'Failure']](detail);
}
