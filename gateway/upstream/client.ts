import { systemClock } from '../../base/clock.ts';
import { messageOf } from '../../base/message-of.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Clock } from '../ports/clock.ts';
import type { Balancer } from './balancer.ts';
import { connectorThrough } from './connector.ts';
import { Endpoint } from './endpoint.ts';
import { type CallHost, ForwardedCall } from './forwarded-call.ts';
import { notReadyReason, type Readiness } from './readiness.ts';
import { upstreamRefusals } from './refusals.ts';
import { RoundRobin } from './round-robin.ts';
import type { Target } from './target.ts';
import type { Transport } from './transport.ts';
import type { Call, Receiver, Upstream, UpstreamCall } from './upstream.ts';

export interface UpstreamOptions {
  /** At least one. */
  readonly targets: readonly Target[];
  readonly transport: Transport;
  readonly timeoutMs: number;
  /** Between two packets of an answer, after its head. Default: a minute. */
  readonly idleTimeoutMs?: number;
  /** To each target. Default: 256. */
  readonly connections?: number;
  /** The number of calls that may wait for a connection; more are refused. Default: 1000. */
  readonly pending?: number;
  /** Default: weighted round robin. */
  readonly balance?: (endpoints: readonly Endpoint[]) => Balancer;
  /** Default: the machine's clocks. */
  readonly clock?: Clock;
}

/** Makes the upstream of a service: an endpoint for each target, over the transport's connections. */
export function createUpstream(options: UpstreamOptions): Upstream {
  return new BalancedUpstream(options);
}

class BalancedUpstream implements Upstream {
  readonly timeoutMs: number;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #endpoints: readonly Endpoint[];
  readonly #host: CallHost;
  readonly #maxCalls: number;
  #calls = 0;
  #epoch = 0;

  constructor(options: UpstreamOptions) {
    const { targets, transport, clock = systemClock } = options;
    const { idleTimeoutMs = 60_000, connections = 256, pending = 1_000 } = options;
    const { balance = (endpoints) => new RoundRobin(endpoints) } = options;
    const connect = connectorThrough(transport);
    this.timeoutMs = options.timeoutMs;
    this.#transport = transport;
    this.#clock = clock;
    this.#endpoints = targets.map(
      (target) => new Endpoint(target, { connect, clock, connections, idleTimeoutMs }),
    );
    this.#maxCalls = targets.length * connections + pending;
    this.#host = {
      balancer: balance(this.#endpoints),
      clock,
      endpoints: targets.length,
      release: () => {
        this.#calls -= 1;
      },
    };
  }

  forward(call: Call, receiver: Receiver): UpstreamCall {
    const forwarded = new ForwardedCall(this.#host, call, receiver);
    this.#calls += 1;
    if (this.#calls > this.#maxCalls) {
      forwarded.fail(upstreamRefusals.overloaded(`${this.#maxCalls} are under way`, ['retry-after', '1']));
      return forwarded;
    }
    const readiness = this.#transport.ready(call.deadlineMs - this.#clock.now());
    if (readiness instanceof Promise) {
      readiness
        .then((later) => this.#begin(later, forwarded))
        .catch((error: unknown) => forwarded.fail(gatewayRefusals.error(messageOf(error))));
    } else this.#begin(readiness, forwarded);
    return forwarded;
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    return this.#transport.ready(withinMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.close()));
    await this.#transport.close();
  }

  #begin(readiness: Readiness, forwarded: ForwardedCall): void {
    const why = notReadyReason(readiness);
    if (why !== undefined)
      return forwarded.fail(upstreamRefusals['tunnel-not-ready'](`${why.code}: ${why.detail}`));
    // A delayed answer may be older than what is already known.
    const { epoch = this.#epoch } = readiness;
    if (epoch > this.#epoch) {
      this.#epoch = epoch;
      for (const endpoint of this.#endpoints) endpoint.renew();
    }
    forwarded.attempt();
  }
}
