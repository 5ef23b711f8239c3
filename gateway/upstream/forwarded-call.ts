import type { Refusal } from '../answer/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { Balancer } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';
import { isRetried } from './retry.ts';
import type { Call, Receiver, UpstreamCall } from './upstream.ts';

/** The parts of a service that its calls share. */
export interface CallHost {
  readonly balancer: Balancer;
  readonly clock: Clock;
  /** The number of endpoints. */
  readonly endpoints: number;
  /** Called once for each call, when it no longer takes a place. */
  release(): void;
}

/** One call with its attempts, one after another. */
export class ForwardedCall implements UpstreamCall, AttemptOwner {
  readonly clock: Clock;
  readonly #host: CallHost;
  readonly #call: Call;
  readonly #receiver: Receiver;
  /** The endpoints of earlier attempts. */
  #tried: readonly Endpoint[] = noneTried;
  #attempt: Attempt | undefined;
  #over = false;

  constructor(host: CallHost, call: Call, receiver: Receiver) {
    this.clock = host.clock;
    this.#host = host;
    this.#call = call;
    this.#receiver = receiver;
  }

  attempt(): void {
    if (this.#over) return;
    const endpoint = this.#host.balancer.pick(this.#tried);
    this.#attempt = new Attempt(endpoint, this.#call, this.#receiver, this);
    this.#attempt.start();
  }

  resume(): void {
    this.#attempt?.resume();
  }

  abort(why?: Refusal): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#attempt === undefined) this.#host.release();
    else this.#attempt.abort(why);
  }

  fail(reply: Refusal): void {
    if (this.#over) return;
    this.abort(reply);
    this.#receiver.fail(reply);
  }

  ended({ endpoint, outcome }: Attempt, failure: Refusal | undefined): void {
    const { balancer, endpoints } = this.#host;
    balancer.done(endpoint, outcome);
    if (this.#over) return this.#host.release();
    const untried = endpoints - this.#tried.length - 1;
    if (failure !== undefined && isRetried(outcome, untried, this.#call.body)) {
      this.#tried = [...this.#tried, endpoint];
      return this.attempt();
    }
    this.#over = true;
    this.#host.release();
    if (failure === undefined) this.#receiver.end();
    else this.#receiver.fail(failure);
  }
}

const noneTried: readonly Endpoint[] = Object.freeze([]);
