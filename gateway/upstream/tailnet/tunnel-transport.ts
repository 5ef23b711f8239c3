import type { Socket } from 'node:net';
import type { Destination } from '../../../base/net/destination.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Readiness, Transport } from '../transport.ts';
import { TunnelDialer } from './dialer.ts';
import { TunnelEndpoint } from './endpoint.ts';
import { TunnelReadiness } from './readiness.ts';

export interface TunnelOptions {
  /** tailscaled's SOCKS5 port on 127.0.0.1. */
  readonly socksPort: number;
  /** Where the tunnel's owner answers on 127.0.0.1. */
  readonly readinessPort: number;
  readonly clock: Clock;
}

/** The tunnel that the extension owns, as a transport. */
export class TunnelTransport implements Transport {
  readonly #readiness: TunnelReadiness;
  readonly #dialer: TunnelDialer;

  constructor({ socksPort, readinessPort, clock }: TunnelOptions) {
    const endpoint = new TunnelEndpoint(readinessPort, clock);
    this.#readiness = new TunnelReadiness(endpoint, clock);
    this.#dialer = new TunnelDialer({ socksPort, endpoint, readiness: this.#readiness, clock });
  }

  connect(destination: Destination, withinMs: number): Promise<Socket> {
    return this.#dialer.connect(destination, withinMs);
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#readiness.ready(withinMs);
  }

  async close(): Promise<void> {}
}
