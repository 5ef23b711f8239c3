import type { Socket } from 'node:net';
import { type Clock, limited } from '../base/clock.ts';
import { ignore } from '../base/ignore.ts';
import type { Log } from '../base/log.ts';
import type { Destination } from '../base/net/destination.ts';
import {
  type Diagnosis,
  type Readiness,
  type TunnelNotReady,
  type TunnelOwner,
  type TunnelReady,
  tunnelCauses,
} from '../gateway/index.ts';
import { Bus } from './bus.ts';
import { TunnelError, toTunnelError } from './causes.ts';
import { diagnose } from './diagnose.ts';
import { dialLocal } from './local-dial.ts';
import { LocalApi, State } from './localapi.ts';
import { withReserve } from './reserve.ts';

/** How long requests wait for a tailscaled that is being restarted. */
const reopenMs = 2_000;
const reopenEveryMs = 100;
const retryMs = 1_000;

const opening = new TunnelError('tunnel:joining', 'The state of tailscaled is being read; try again.');

/** The states that only a person can change. */
const unusable: ReadonlyMap<number, TunnelError> = new Map([
  [
    State.needsLogin,
    new TunnelError('tunnel:logged-out', 'tailscaled is not logged in: run tailscale login.'),
  ],
  [State.stopped, new TunnelError('tunnel:logged-out', 'tailscaled is down: run tailscale up.')],
  [
    State.needsApproval,
    new TunnelError('tunnel:approval-needed', 'The tailnet approves its devices by hand: approve this one.'),
  ],
]);

/**
 * The node of a running tailscaled that others manage. It is watched and dialed through, and never changed.
 *
 * LocalAPI allows this to every user of the machine.
 */
export class RunningNode implements TunnelOwner {
  readonly api: LocalApi;
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #epoch = 0;
  /** Undefined while it runs. */
  #why: TunnelError | undefined = opening;
  /** Whether the state is about to change. */
  #settling = true;
  /** Resolves at the next change of the state. */
  #changed = Promise.withResolvers<void>();
  /** The last logged cause. */
  #logged: string | undefined;
  #readiness: TunnelReady = Object.freeze({ ready: true, epoch: 0 });

  constructor(socket: string, log: Log, clock: Clock) {
    this.api = new LocalApi(socket, clock);
    this.#bus = new Bus(this.api, this.#closed.signal);
    this.#log = log;
    this.#clock = clock;
  }

  get epoch(): number {
    return this.#epoch;
  }

  ready(withinMs: number): TunnelReady | Promise<Readiness> {
    return this.#why === undefined ? this.#readiness : this.ask(withinMs);
  }

  async ask(withinMs: number): Promise<TunnelReady | TunnelNotReady> {
    const end = this.#clock.monotonic() + withReserve(withinMs);
    for (;;) {
      const leftMs = end - this.#clock.monotonic();
      if (!this.#settling || leftMs <= 0) break;
      await limited(this.#clock, this.#changed.promise, leftMs);
    }
    if (this.#why === undefined) return this.#readiness;
    const { code, message } = this.#why;
    return { ready: false, code, title: tunnelCauses[code], detail: message };
  }

  dial(destination: Destination, withinMs: number): Promise<Socket> {
    return dialLocal(this.api, destination, withinMs);
  }

  diagnose(destination: Destination, withinMs: number): Promise<Diagnosis> {
    const node = { api: this.api, ready: (ms: number) => this.ask(ms), renew: no, suspect: no };
    return diagnose(node, (target, ms) => this.dial(target, ms), destination, withinMs);
  }

  start(): void {
    this.#bus.listen(({ State: state }) => {
      if (state !== null && state !== undefined) this.#take(state);
    });
    this.#bus.onEnd = () => {
      if (this.#closed.signal.aborted) return;
      this.#set(new TunnelError('tunnel:daemon-failed', 'tailscaled ended, or closed its connection.'), true);
      this.#watch().catch(ignore);
    };
    this.#watch().catch(ignore);
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  async #watch(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      try {
        await this.#bus.open(reopenMs, reopenEveryMs);
        return;
      } catch (error) {
        this.#set(toTunnelError(error), false);
        await this.#clock.sleep(retryMs, this.#closed.signal);
      }
    }
  }

  #take(state: number): void {
    if (state === State.running) return this.#set(undefined, false);
    const cause = unusable.get(state);
    this.#set(cause ?? opening, cause === undefined);
  }

  #set(why: TunnelError | undefined, settling: boolean): void {
    const wasReady = this.#why === undefined;
    this.#why = why;
    this.#settling = settling;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    if (why === undefined && !wasReady) {
      this.#epoch += 1;
      this.#readiness = Object.freeze({ ready: true, epoch: this.#epoch });
      this.#logged = undefined;
      this.#log.info('tunnel ready', { epoch: this.#epoch });
    } else if (why !== undefined && !settling && why.code !== this.#logged) {
      this.#logged = why.code;
      this.#log.error('tunnel not ready', { code: why.code, detail: why.message });
    }
  }
}

function no(): false {
  return false;
}
