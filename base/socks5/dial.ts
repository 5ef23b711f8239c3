import { connect, type Socket } from 'node:net';
import { after, type Clock } from '../clock.ts';
import { ignore } from '../ignore.ts';
import type { Destination } from '../net/destination.ts';
import { DialError, type DialFailure } from '../net/dial-error.ts';
import { shakeHands } from './handshake.ts';

/** The reply field of a refusal (RFC 1928 section 6). */
export type SocksReply = (typeof replies)[number];

/** From 1 on. */
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

export class SocksError extends DialError {
  /** What the proxy said; undefined unless it rejected. */
  readonly reply: SocksReply | undefined;

  constructor(message: string, failure: DialFailure, reply?: SocksReply) {
    super(message, failure);
    this.name = 'SocksError';
    this.reply = reply;
  }
}

/**
 * Makes one connection through a SOCKS5 proxy without authentication (RFC 1928); names are resolved by the proxy.
 *
 * The time is for everything: reaching the proxy, and the proxy reaching the destination. Whatever was opened is closed when it
 * is over. Written here because the package that does it costs a cold start 10 ms of CPU for what is not used.
 *
 * @throws SocksError
 */
export async function dialSocks(
  proxy: Destination,
  destination: Destination,
  withinMs: number,
  clock: Clock,
): Promise<Socket> {
  const where = `the SOCKS5 proxy ${proxy.host}:${proxy.port}`;
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  const stopTimer = after(clock, Math.max(1, withinMs), () => {
    const message = `${where} made no connection within ${Math.round(withinMs)} ms`;
    socket.destroy(new SocksError(message, 'timeout'));
  });
  // A socket that breaks with nobody listening would end the process; between here and the next owner nobody is.
  socket.on('error', ignore);
  try {
    const reply = await shakeHands(socket, destination);
    if (reply === 0) return socket;
    const name = replies[reply - 1] ?? 'Failure';
    throw new SocksError(`${where} said ${name}`, 'rejected', name);
  } catch (error) {
    socket.destroy();
    if (error instanceof SocksError) throw error;
    throw toSocksError(socket, error as Error, where);
  } finally {
    stopTimer();
  }
}

function toSocksError(socket: Socket, error: Error, where: string): SocksError {
  if (socket.errored instanceof SocksError) return socket.errored;
  return new SocksError(`${where} failed: ${error.message || 'it cannot be reached'}`, 'no-proxy');
}
