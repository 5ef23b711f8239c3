import type { Socket } from 'node:net';
import type { Destination } from '../base/net/destination.ts';
import { DialError } from '../base/net/dial-error.ts';

/** Makes one connection through the tunnel. @throws DialError */
export type Dial = (destination: Destination, withinMs: number) => Promise<Socket>;

export type DialOutcome = 'connected' | 'refused' | 'timeout';

/**
 * Tries one connection and closes it at once: nothing is sent to the target.
 *
 * Through SOCKS5 tailscaled answers every failure with the same code, so `refused` only means that it failed before the time was
 * over.
 */
export async function tryDial(dial: Dial, target: Destination, withinMs: number): Promise<DialOutcome> {
  try {
    (await dial(target, withinMs)).destroy();
    return 'connected';
  } catch (error) {
    return error instanceof DialError && error.failure === 'timeout' ? 'timeout' : 'refused';
  }
}
