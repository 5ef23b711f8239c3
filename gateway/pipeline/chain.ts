import type { Verdict } from '../answer/verdict.ts';
import type { AnswerHead, Arrival, BodyNeed, JudgeBody, Slot } from '../plugin/plugin.ts';
import type { Exchange } from '../request/exchange.ts';

/** One plugin's access hook, ready to run. */
export interface Step {
  readonly plugin: string;
  /** What the plugin finds out; undefined for one that does not authenticate. */
  readonly authenticates: Slot | undefined;
  readonly body: BodyNeed;
  readonly onError: 'refuse' | 'next';
  /** Judges before the body is read, where a plugin has it; then it gives what judges the body, and `run` is not called. */
  readonly head?: ((exchange: Exchange) => Verdict | JudgeBody) | undefined;
  run(exchange: Exchange, body: Uint8Array): Verdict | Promise<Verdict>;
}

/** The plugins of a route (or of a route for one consumer), one array a phase, in the order in which they run. */
export interface Chain {
  readonly access: readonly Step[];
  readonly answer: readonly ((exchange: Exchange, answer: AnswerHead) => void)[];
  /** The access step before which the consumer is looked for: all that authenticates lies before it. */
  readonly consumerAt: number;
  readonly maxBodyBytes: number;
}

export interface ConsumerChain {
  readonly id: string;
  readonly matches: (exchange: Exchange) => boolean;
  /** Whether one of its own plugins guards: then a request that may be the consumer's is not let through without them. */
  readonly restricts: boolean;
  readonly chain: Chain;
}

/** What decides on the requests of one route. */
export interface RoutePolicy {
  readonly chain: Chain;
  readonly consumers: readonly ConsumerChain[];
  /**
   * Set where a consumer may send a larger body than others, and the head alone says who calls: then no byte is read before that is
   * known, and the body is limited when it is. Otherwise the route's limit holds from the start.
   */
  readonly limitsByConsumer?: true;
}

/** One plugin's entry hook, ready to run. */
export interface EntryStep {
  readonly plugin: string;
  readonly onError: 'refuse' | 'next';
  run(arrival: Arrival): Verdict;
}
