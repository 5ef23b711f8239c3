import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { limited } from '../base/clock.ts';
import type { Destination } from '../base/net/destination.ts';
import type { DialError } from '../base/net/dial-error.ts';
import type { Diagnosis, Readiness, TunnelOwner } from '../gateway/index.ts';
import { diagnose } from './diagnose.ts';
import { dialLocal } from './local-dial.ts';
import { withReserve } from './reserve.ts';
import type { Tailscaled } from './tailscaled.ts';
import type { Tunnel } from './tunnel.ts';

/** The node of a tunnel that this process owns, for the transports of the same process. */
export class OwnNode implements TunnelOwner {
  readonly #tunnel: Tunnel;
  readonly #daemon: Tailscaled;
  readonly #kill: () => void;
  readonly #temporary: string | undefined;

  /** @param temporary a folder that is removed at the end */
  constructor(tunnel: Tunnel, daemon: Tailscaled, temporary: string | undefined) {
    this.#tunnel = tunnel;
    this.#daemon = daemon;
    this.#kill = () => daemon.kill();
    this.#temporary = temporary;
  }

  get epoch(): number {
    return this.#tunnel.epoch;
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#tunnel.known() ?? this.ask(withinMs);
  }

  ask(withinMs: number): Promise<Readiness> {
    return this.#tunnel.ready(withReserve(withinMs));
  }

  async dial(destination: Destination, withinMs: number): Promise<Socket> {
    const { api } = this.#tunnel;
    try {
      return await dialLocal(api, destination, withinMs);
    } catch (error) {
      // The socket shows the end of tailscaled before its process has ended, and it is started again only after that.
      if ((error as DialError).failure === 'no-proxy') await limited(api.clock, this.#daemon.exit, withinMs);
      throw error;
    }
  }

  diagnose(destination: Destination, withinMs: number): Promise<Diagnosis> {
    return diagnose(this.#tunnel, (target, ms) => this.dial(target, ms), destination, withinMs);
  }

  /** Joins, and tries again after a failure until the end. */
  start(): void {
    // For an unexpected end of this process.
    process.once('exit', this.#kill);
    this.#tunnel.start();
  }

  async close(withinMs: number): Promise<void> {
    await this.#tunnel.leave(withinMs);
    process.off('exit', this.#kill);
    if (this.#temporary !== undefined) rmSync(this.#temporary, { recursive: true, force: true });
  }
}
