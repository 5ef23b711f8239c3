import type { Socket } from 'node:net';
import type { Destination } from '../../../base/net/destination.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Readiness } from '../readiness.ts';
import type { Transport } from '../transport.ts';
import { TunnelDialer } from './dialer.ts';
import type { TunnelOwner } from './owner.ts';

/** A tunnel as a transport. */
export class TunnelTransport implements Transport {
  readonly #owner: TunnelOwner;
  readonly #dialer: TunnelDialer;

  constructor(owner: TunnelOwner, clock: Clock) {
    this.#owner = owner;
    this.#dialer = new TunnelDialer(owner, clock);
  }

  connect(destination: Destination, withinMs: number): Promise<Socket> {
    return this.#dialer.connect(destination, withinMs);
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#owner.ready(withinMs);
  }

  /** The host ends the owner. */
  async close(): Promise<void> {}
}
