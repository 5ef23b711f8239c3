import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../ports/clock.ts';
import type { Connector } from './connector.ts';
import { DeadlineClient, type DeadlineOptions } from './deadline-client.ts';
import type { Target } from './target.ts';
import type { Call } from './upstream.ts';

/** How long a kept connection may be idle, unless the target announces less (Keep-Alive: timeout). */
const keepAliveMs = 60_000;

export interface EndpointOptions {
  readonly connect: Connector;
  readonly clock: Clock;
  /** The most connections at one time. */
  readonly connections: number;
  /** Between two packets of an answer, after its head. */
  readonly idleTimeoutMs: number;
}

/** A target with its connections. */
export class Endpoint {
  readonly target: Target;
  readonly #options: Pool.Options;
  #pool: Pool;
  /** Pools that close after their last call. */
  readonly #retired = new Set<Pool>();

  constructor(target: Target, { connect, clock, connections, idleTimeoutMs }: EndpointOptions) {
    this.target = target;
    this.#options = {
      factory: (origin, options) => new DeadlineClient(origin, options, connect, clock),
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      headersTimeout: 0,
      bodyTimeout: idleTimeoutMs,
    };
    this.#pool = new Pool(target.origin, this.#options);
  }

  /** Sends a call over a free or new connection; if all are busy the call waits. */
  dispatch(call: Call, handler: Dispatcher.DispatchHandler): void {
    const { target } = this;
    const options = {
      path: target.basePath + call.path,
      method: call.method as Dispatcher.HttpMethod,
      headers: call.headers(target.authority),
      body: call.body,
      // By default undici uses the Host header, which may be the client's, and connects again for each other name.
      servername: target.destination.host,
      deadlineMs: call.deadlineMs,
    };
    this.#pool.dispatch(options as DeadlineOptions, handler);
  }

  /** Calls under way keep their connections until they end; new calls get new connections. */
  renew(): void {
    const pool = this.#pool;
    const forget = () => this.#retired.delete(pool);
    this.#retired.add(pool);
    pool.close().then(forget, forget);
    this.#pool = new Pool(this.target.origin, this.#options);
  }

  /** Also ends the calls under way. */
  async close(): Promise<void> {
    await Promise.all([this.#pool, ...this.#retired].map((pool) => pool.destroy()));
  }
}
