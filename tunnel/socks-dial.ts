import type { Clock } from '../base/clock.ts';
import type { Destination } from '../base/net/destination.ts';
import { dialSocks, SocksError } from '../base/socks5/dial.ts';

export type DialOutcome = 'connected' | 'refused' | 'timeout';

/**
 * Tries one connection through tailscaled's SOCKS5 server and closes it at once: nothing is sent to the target.
 *
 * tailscaled answers every failure with the same code, so `refused` says only that it failed before the time was over.
 */
export async function dial(
  clock: Clock,
  socksPort: number,
  target: Destination,
  withinMs: number,
): Promise<DialOutcome> {
  try {
    const socket = await dialSocks({ host: '127.0.0.1', port: socksPort }, target, withinMs, clock);
    socket.destroy();
    return 'connected';
  } catch (error) {
    return error instanceof SocksError && error.failure === 'timeout' ? 'timeout' : 'refused';
  }
}
