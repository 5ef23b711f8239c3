import { type Dispatcher, Pool } from 'undici';
import { systemClock } from '../../base/clock.ts';
import { messageOf } from '../../base/message-of.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Clock } from '../ports/clock.ts';
import { connectorThrough } from './connector.ts';
import { PooledCall } from './pooled-call.ts';
import { obstacle, type Readiness } from './readiness.ts';
import { upstreamRefusals } from './refusals.ts';
import type { Target } from './target.ts';
import type { Transport } from './transport.ts';
import { Turns } from './turns.ts';
import type { Call, Receiver, Upstream, UpstreamCall } from './upstream.ts';

export { interleave } from './turns.ts';

export interface UpstreamOptions {
  /** At least one. */
  readonly targets: readonly Target[];
  readonly transport: Transport;
  readonly timeoutMs: number;
  /** Between two packets of an answer, when its head has come. Default: a minute. */
  readonly idleTimeoutMs?: number;
  /** To each target. Default: 256. */
  readonly connections?: number;
  /** Calls beyond those that the connections take; more are refused. Default: 1000. */
  readonly pending?: number;
  /** The machine's clocks unless given. */
  readonly clock?: Clock;
}

/** How long a kept connection may lie idle; a target that announces less (Keep-Alive: timeout) is believed. */
const keepAliveMs = 60_000;
const connectMs = 10_000;
/** Kept back from a call's time, so that the reason why no connection was made arrives before the deadline. */
const reserveMs = 100;

/** Makes the upstream of a service: undici's pools, one a target, over the transport's connections. */
export function createUpstream(options: UpstreamOptions): Upstream {
  return new PooledUpstream(options);
}

class PooledUpstream implements Upstream {
  readonly timeoutMs: number;
  readonly #transport: Transport;
  readonly #targets: readonly Target[];
  readonly #turns: Turns;
  readonly #idleTimeoutMs: number;
  readonly #connections: number;
  readonly #maxCalls: number;
  #calls = 0;
  readonly #clock: Clock;
  #epoch = 0;
  #pools: readonly Pool[];
  /** Pools that end when their last request does. */
  readonly #retired = new Set<Pool>();
  /** The deadline of the call for which a pool may be opening a connection: undici's connector is not told. */
  #deadlineMs = 0;

  constructor(options: UpstreamOptions) {
    const { targets, transport, clock = systemClock } = options;
    this.#targets = targets;
    this.#transport = transport;
    this.#clock = clock;
    this.timeoutMs = options.timeoutMs;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 60_000;
    this.#connections = options.connections ?? 256;
    this.#maxCalls = targets.length * this.#connections + (options.pending ?? 1_000);
    this.#turns = new Turns(targets.map((target) => target.weight));
    this.#pools = this.#openPools();
  }

  forward(call: Call, receiver: Receiver): UpstreamCall {
    const under = new PooledCall(call, receiver, this.#dispatch, this.#targets.length, this.#ended);
    this.#calls += 1;
    if (this.#calls > this.#maxCalls) {
      under.fail(upstreamRefusals.overloaded(`${this.#maxCalls} are under way`, ['retry-after', '1']));
      return under;
    }
    const readiness = this.#transport.ready(call.deadlineMs - this.#clock.now());
    if (readiness instanceof Promise) {
      readiness
        .then((later) => this.#begin(later, under))
        .catch((error: unknown) => under.fail(gatewayRefusals.error(messageOf(error))));
    } else this.#begin(readiness, under);
    return under;
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#transport.ready(withinMs);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools, ...this.#retired].map((pool) => pool.destroy()));
    await this.#transport.close();
  }

  #begin(readiness: Readiness, under: PooledCall): void {
    const why = obstacle(readiness);
    if (why !== undefined)
      return under.fail(upstreamRefusals['tunnel-not-ready'](`${why.code}: ${why.detail}`));
    // An answer that was long on its way may be older than what is known already.
    const { epoch = this.#epoch } = readiness;
    if (epoch > this.#epoch) this.#renew(epoch);
    under.attempt();
  }

  /** Requests under way keep their connections until they end; new ones get new connections. */
  #renew(epoch: number): void {
    this.#epoch = epoch;
    for (const pool of this.#pools) {
      const forget = () => this.#retired.delete(pool);
      this.#retired.add(pool);
      pool.close().then(forget, forget);
    }
    this.#pools = this.#openPools();
  }

  readonly #ended = (): void => {
    this.#calls -= 1;
  };

  readonly #dispatch = (call: Call, handler: Dispatcher.DispatchHandler, tried: Set<number>): void => {
    const index = this.#turns.take(tried);
    tried.add(index);
    const target = this.#targets[index] as Target;
    this.#deadlineMs = call.deadlineMs;
    (this.#pools[index] as Pool).dispatch(
      {
        path: target.basePath + call.path,
        method: call.method as Dispatcher.HttpMethod,
        headers: call.headers(target.authority),
        body: call.body,
        // By default undici takes it from the Host header, which may be the client's, and connects again for each other one.
        servername: target.destination.host,
      } as Dispatcher.DispatchOptions,
      handler,
    );
  };

  #openPools(): readonly Pool[] {
    const limitMs = () => Math.max(1, Math.min(connectMs, this.#deadlineMs - reserveMs - this.#clock.now()));
    const connect = connectorThrough(this.#transport, limitMs);
    return this.#targets.map(
      ({ origin }) =>
        new Pool(origin, {
          connect,
          connections: this.#connections,
          pipelining: 1,
          allowH2: false,
          keepAliveTimeout: keepAliveMs,
          keepAliveMaxTimeout: keepAliveMs,
          headersTimeout: 0,
          bodyTimeout: this.#idleTimeoutMs,
        }),
    );
  }
}
