import { randomFillSync } from 'node:crypto';
import { openExchange } from './admission.ts';
import type { ServerOptions } from './config/server-options.ts';
import type { Exchange } from './exchange.ts';
import { type FinishedRequest, type HandlingHost, RequestHandling, type SeenRequest } from './handling.ts';
import { messageOf } from './message-of.ts';
import { runPipeline } from './pipeline.ts';
import type { Clock, Log } from './plugin.ts';
import { gatewayRefusals } from './refusal.ts';
import type { IncomingRequest } from './request.ts';
import type { Route } from './route.ts';
import type { Router } from './router.ts';
import type { Handling, Sink } from './sink.ts';
import type { Readiness } from './upstream/transport.ts';
import type { Upstream } from './upstream/upstream.ts';
import type { Refusal, Reply } from './verdict.ts';

export interface GatewayParts {
  readonly router: Router<Route>;
  readonly services: ReadonlyMap<string, Upstream>;
  readonly clock: Clock;
  readonly log: Log;
  /** `server` of the configuration, for the host that reads it. */
  readonly serverOptions?: ServerOptions;
  /** Closes what the plugins hold. */
  readonly closePlugins: () => Promise<void>;
}

/** What the plugins said: a reply that ends the exchange, or none, and then it would go to its target. */
export interface Decision {
  readonly reply: Reply | undefined;
  /** Undefined when no route was found. */
  readonly exchange: Exchange | undefined;
}

/** The gateway: takes requests from a host, decides, forwards, and gives the answers back. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #host: HandlingHost;

  constructor(parts: GatewayParts, finished: (record: FinishedRequest) => void) {
    this.#parts = parts;
    this.#host = { router: parts.router, clock: parts.clock, log: parts.log, finished };
  }

  /** What the configuration says of the Node host. */
  get serverOptions(): ServerOptions {
    return this.#parts.serverOptions ?? { limits: {} };
  }

  /** Handles one request; all that follows goes to the sink. Never throws. */
  handle(request: IncomingRequest, sink: Sink): Handling {
    const handling = new RequestHandling(this.#host, request, sink, request.id ?? newRequestId());
    try {
      handling.start();
    } catch (error) {
      handling.fail(gatewayRefusals.error(messageOf(error)));
    }
    return handling;
  }

  /** Logs an answer that the host gave by itself, to what never became a request of the gateway. */
  refused(request: SeenRequest, id: string, reply: Refusal, sentBytes: number): void {
    const { status } = reply;
    const rest = { exchange: undefined, durationMs: 0, brokenOff: undefined };
    this.#host.finished({ id, request, status, reply, sentBytes, ...rest });
  }

  /** Runs all that decides and sends nothing to a target: for the authorizer and for `postern explain`. */
  decide(request: IncomingRequest): Promise<Decision> {
    const exchange = openExchange(request, request.id ?? newRequestId(), this.#host);
    if ('kind' in exchange) return Promise.resolve({ reply: exchange, exchange: undefined });
    return new Promise((resolve) => {
      runPipeline(exchange, request.body, this.#host, (reply) => resolve({ reply, exchange }));
    });
  }

  /** Whether each service could be reached now; asks the transports alone, no target gets a request. */
  async ready(withinMs: number): Promise<ReadonlyMap<string, Readiness>> {
    const asked = [...this.#parts.services].map(
      async ([name, upstream]) => [name, await upstream.ready(withinMs)] as const,
    );
    return new Map(await Promise.all(asked));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#parts.services.values()].map((upstream) => upstream.close()));
    await this.#parts.closePlugins();
  }
}

const pool = Buffer.allocUnsafe(16 * 256);
let used = pool.byteLength;

/** 128 random bits as 22 characters of base64url: unguessable, so that an id in a log is not found by trying. */
export function newRequestId(): string {
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.toString('base64url', used - 16, used);
}
