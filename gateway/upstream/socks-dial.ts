import type { Socket } from 'node:net';
import { SocksClient } from 'socks';
import type { Destination } from './transport.ts';

/**
 * How a dial through a SOCKS5 proxy failed: `timeout`, nothing came in time; `rejected`, the proxy said no; `no-proxy`, there
 * is no SOCKS5 proxy, or it went away.
 */
export type SocksFailure = 'timeout' | 'rejected' | 'no-proxy';

/** The reply field of a refusal (RFC 1928 section 6). */
export type SocksReply = (typeof replies)[number];

const replies = [
  'Failure',
  'NotAllowed',
  'NetworkUnreachable',
  'HostUnreachable',
  'ConnectionRefused',
  'TTLExpired',
  'CommandNotSupported',
  'AddressNotSupported',
] as const;

export class SocksError extends Error {
  readonly failure: SocksFailure;
  /** What the proxy said; undefined unless it rejected. */
  readonly reply: SocksReply | undefined;

  constructor(message: string, failure: SocksFailure, reply?: SocksReply) {
    super(message);
    this.name = 'SocksError';
    this.failure = failure;
    this.reply = reply;
  }
}

/**
 * Makes one connection through a SOCKS5 proxy without authentication (RFC 1928); names are resolved by the proxy.
 *
 * The time is for everything: reaching the proxy, and the proxy reaching the destination. Whatever was opened is closed when it
 * is over.
 *
 * @throws SocksError
 */
export async function dialSocks(
  proxy: Destination,
  destination: Destination,
  withinMs: number,
): Promise<Socket> {
  try {
    const { socket } = await SocksClient.createConnection({
      proxy: { host: proxy.host, port: proxy.port, type: 5 },
      command: 'connect',
      destination: { host: destination.host, port: destination.port },
      timeout: Math.max(1, withinMs),
      set_tcp_nodelay: true,
    });
    return socket;
  } catch (error) {
    throw toSocksError(error instanceof Error ? error.message : String(error), proxy, withinMs);
  }
}

function toSocksError(message: string, proxy: Destination, withinMs: number): SocksError {
  const where = `the SOCKS5 proxy ${proxy.host}:${proxy.port}`;
  if (message === 'Proxy connection timed out') {
    return new SocksError(`${where} made no connection within ${Math.round(withinMs)} ms`, 'timeout');
  }
  const rejected = /^Socks5 proxy rejected connection - (\w*)/.exec(message);
  if (rejected !== null) {
    const reply = replies.find((name) => name === rejected[1]) ?? 'Failure';
    return new SocksError(`${where} said ${reply}`, 'rejected', reply);
  }
  return new SocksError(`${where} failed: ${message || 'it cannot be reached'}`, 'no-proxy');
}
