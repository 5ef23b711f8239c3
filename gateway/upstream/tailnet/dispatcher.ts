import { Agent, Dispatcher, Dispatcher1Wrapper } from 'undici';
import { connectorThrough } from '../connector.ts';
import { notReadyReason, type Readiness } from '../readiness.ts';
import type { Transport } from '../transport.ts';
import { notReady } from './dialer.ts';
import { openTunnel, type TailnetOptions } from './options.ts';

/**
 * The type of `dispatcher` in Node's own `fetch`. The functions of undici's packages accept it too; their types differ between
 * versions, so TypeScript needs a cast there. It also needs one where the DOM's library has its own `RequestInit` without a
 * `dispatcher`: `fetch(url, { dispatcher } as RequestInit)`.
 */
export type FetchDispatcher = RequestInit extends { dispatcher?: infer Dispatcher }
  ? NonNullable<Dispatcher>
  : object;

/**
 * Makes a dispatcher that reaches the tailnet, for Node's own `fetch` and for undici 7 and 8.
 *
 * A request waits until the tunnel is ready. A request that fails before a byte was sent has an error with a stable `code`, such
 * as `upstream:target-offline` (with `fetch` it is the `cause` of the TypeError).
 *
 * @example
 * const dispatcher = tailnetDispatcher();
 * const response = await fetch('http://builder.example.ts.net:8080/', { dispatcher });
 */
export function tailnetDispatcher(options: TailnetOptions = {}): FetchDispatcher {
  const { transport, withinMs } = openTunnel(options);
  const dispatcher = new TailnetDispatcher(transport, withinMs);
  // Node 24 contains undici 7, whose handlers have other names than those of undici 8; the wrapper accepts both.
  return new Dispatcher1Wrapper(dispatcher) as unknown as FetchDispatcher;
}

const keepAliveMs = 60_000;

class TailnetDispatcher extends Dispatcher {
  readonly #transport: Transport;
  readonly #withinMs: number;
  #agent: Agent;
  /** Pools that close after their last request. */
  readonly #retired = new Set<Agent>();
  #epoch = 0;

  constructor(transport: Transport, withinMs: number) {
    super();
    this.#transport = transport;
    this.#withinMs = withinMs;
    this.#agent = this.#openAgent();
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const readiness = this.#transport.ready(this.#withinMs);
    if (!(readiness instanceof Promise)) return this.#begin(readiness, options, handler);
    readiness
      .then((later) => this.#begin(later, options, handler))
      .catch((error: Error) => refuse(handler, error));
    return true;
  }

  override async close(): Promise<void> {
    await Promise.all(this.#agents().map((agent) => agent.close()));
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#agents().map((agent) => agent.destroy()));
  }

  #begin(
    readiness: Readiness,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const why = notReadyReason(readiness);
    if (why !== undefined) {
      refuse(handler, notReady(why));
      return true;
    }
    const { epoch = this.#epoch } = readiness;
    if (epoch > this.#epoch) this.#renew(epoch);
    return this.#agent.dispatch(options as Agent.DispatchOptions, handler);
  }

  /** Requests under way keep their connections until they end. */
  #renew(epoch: number): void {
    this.#epoch = epoch;
    const agent = this.#agent;
    const forget = () => this.#retired.delete(agent);
    this.#retired.add(agent);
    agent.close().then(forget, forget);
    this.#agent = this.#openAgent();
  }

  #openAgent(): Agent {
    const connect = connectorThrough(this.#transport);
    return new Agent({
      connect: (destination, callback) => connect(destination, callback, this.#withinMs),
      allowH2: false,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
    });
  }

  #agents(): readonly Agent[] {
    return [this.#agent, ...this.#retired];
  }
}

/** Fails a request that did not start. undici itself has no controller to pass at that point. */
function refuse(handler: Dispatcher.DispatchHandler, error: Error): void {
  handler.onResponseError?.(null as unknown as Dispatcher.DispatchController, error);
}
