import type { Socket } from 'node:net';
import type { Destination } from '../../../base/net/destination.ts';
import { dialSocks } from '../../../base/socks5/dial.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Readiness } from '../readiness.ts';
import { TunnelEndpoint } from './endpoint.ts';
import type { TunnelOwner } from './owner.ts';
import type { TailnetPorts } from './ports.ts';
import { TunnelReadiness } from './readiness.ts';
import type { Diagnosis } from './tunnel.ts';

/** The layer's extension, a process beside this one, reached over its readiness endpoint and its SOCKS5 port. */
export class LayerOwner implements TunnelOwner {
  readonly #socksPort: number;
  readonly #endpoint: TunnelEndpoint;
  readonly #readiness: TunnelReadiness;
  readonly #clock: Clock;

  constructor({ socksPort, readinessPort }: TailnetPorts, clock: Clock) {
    this.#socksPort = socksPort;
    this.#endpoint = new TunnelEndpoint(readinessPort, clock);
    this.#readiness = new TunnelReadiness(this.#endpoint, clock);
    this.#clock = clock;
  }

  get epoch(): number {
    return this.#readiness.epoch;
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#readiness.ready(withinMs);
  }

  ask(withinMs: number): Promise<Readiness> {
    return this.#readiness.ask(withinMs);
  }

  dial(destination: Destination, withinMs: number): Promise<Socket> {
    return dialSocks({ host: '127.0.0.1', port: this.#socksPort }, destination, withinMs, this.#clock);
  }

  diagnose(destination: Destination, withinMs: number): Promise<Diagnosis> {
    return this.#endpoint.diagnose(destination, withinMs);
  }
}
