import { randomFillSync } from 'node:crypto';
import { limited } from '../base/clock.ts';
import { messageOf } from '../base/message-of.ts';
import { type HandlingHost, RequestHandling } from './action/handling.ts';
import { RequestsUnderWay } from './action/under-way.ts';
import { gatewayRefusals } from './answer/refusal.ts';
import type { Handling, Sink } from './answer/sink.ts';
import type { Refusal, Reply } from './answer/verdict.ts';
import type { FinishedRequest, SeenRequest } from './observe/finished-request.ts';
import type { EntryStep } from './pipeline/chain.ts';
import { PipelineRun } from './pipeline/pipeline.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { Exchange } from './request/exchange.ts';
import type { IncomingRequest } from './request/request.ts';
import { openExchange } from './routing/admission.ts';
import type { Route } from './routing/route.ts';
import type { Router } from './routing/router.ts';
import type { Readiness } from './upstream/readiness.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface GatewayParts {
  readonly router: Router<Route>;
  /** The plugins that judge a request before its route is known. */
  readonly entry: readonly EntryStep[];
  readonly services: ReadonlyMap<string, Upstream>;
  /** Ends what only these parts use. */
  readonly close: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The result of the plugins: a reply that ends the exchange; without one the request would go to its target. */
export interface Decision {
  readonly reply: Reply | undefined;
  /** Undefined if no route was found. */
  readonly exchange: Exchange | undefined;
  readonly route: Route | undefined;
}

/** What became of the requests that a drained gateway still had. */
export interface Drained {
  readonly cutOff: number;
  /** They go on in its successor. */
  readonly moved: number;
}

/** The gateway: takes requests from a host, decides, forwards, and returns the answers. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #host: HandlingHost;

  constructor(parts: GatewayParts, finished: (record: FinishedRequest) => void) {
    this.#parts = parts;
    const { router, entry, clock, log } = parts;
    this.#host = { router, entry, clock, log, finished, requests: new RequestsUnderWay() };
  }

  /** Handles one request; everything that follows goes to the sink. Never throws. */
  handle(request: IncomingRequest, sink: Sink): Handling {
    const handling = new RequestHandling(this.#host, request, sink, request.id ?? newRequestId());
    try {
      handling.start();
    } catch (error) {
      handling.fail(gatewayRefusals.error(messageOf(error)));
    }
    return handling;
  }

  /** Logs an answer that the host sent by itself, to bytes that did not become a request of the gateway. */
  refused(request: SeenRequest, id: string, reply: Refusal, sentBytes: number): void {
    const { status } = reply;
    const rest = { exchange: undefined, durationMs: 0, brokenOff: undefined };
    this.#host.finished({ id, request, status, reply, sentBytes, ...rest });
  }

  /** Runs all decisions and sends nothing to a target: for the authorizer and for `postern explain`. */
  decide(request: IncomingRequest): Promise<Decision> {
    const admitted = openExchange(request, request.id ?? newRequestId(), this.#host);
    if ('kind' in admitted)
      return Promise.resolve({ reply: admitted, exchange: undefined, route: undefined });
    const { exchange, route } = admitted;
    return new Promise((resolve) => {
      const done = (reply: Reply | undefined) => resolve({ reply, exchange, route });
      new PipelineRun(exchange, route, request.body, this.#host, done).start();
    });
  }

  /** Whether each service can be reached now. Only the transports are asked; no target gets a request. */
  async ready(withinMs: number): Promise<ReadonlyMap<string, Readiness>> {
    const asked = [...this.#parts.services].map(
      async ([name, upstream]) => [name, await upstream.ready(withinMs)] as const,
    );
    return new Map(await Promise.all(asked));
  }

  /**
   * Waits for the requests under way, when the host gives it no more of them. Those that are left after the time are refused. If their answer has
   * begun they are decided on again by the gateway of that moment, and go on there or are broken off.
   */
  async drain(withinMs: number, successor: () => Gateway): Promise<Drained> {
    const { requests, clock } = this.#host;
    await limited(clock, requests.none(), withinMs);
    const detail = `it was still under way ${withinMs} ms after its configuration was replaced`;
    const reply = gatewayRefusals.stopping(detail, ['retry-after', '1']);
    let [cutOff, moved] = [0, 0];
    for (const request of requests.all()) {
      if (request.moveTo(successor().#host, reply)) moved += 1;
      else cutOff += 1;
    }
    return { cutOff, moved };
  }

  close(): Promise<void> {
    return this.#parts.close();
  }
}

const pool = Buffer.allocUnsafe(16 * 256);
let used = pool.byteLength;

/** 128 random bits as 22 characters of base64url: nobody can guess the id of a line in the log. */
export function newRequestId(): string {
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.toString('base64url', used - 16, used);
}
