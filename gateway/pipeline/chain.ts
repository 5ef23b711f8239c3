import type { Verdict } from '../answer/verdict.ts';
import type { AnswerHead, Arrival, BodyNeed, JudgeBody, Slot } from '../plugin/plugin.ts';
import type { Exchange } from '../request/exchange.ts';

/** One plugin's access hook, ready to run. */
export interface Step {
  readonly plugin: string;
  /** The slot that the plugin fills; undefined if it does not authenticate. */
  readonly authenticates: Slot | undefined;
  readonly body: BodyNeed;
  readonly onError: 'refuse' | 'next';
  /** Equal for steps that are configured alike, down to the secrets. Only for those that need the body. */
  readonly identity?: string | undefined;
  /** Judges before the body is read, if the plugin can; then it returns the function that judges the body, and `run` is not called. */
  readonly head?: ((exchange: Exchange) => Verdict | JudgeBody) | undefined;
  run(exchange: Exchange, body: Uint8Array): Verdict | Promise<Verdict>;
}

/** One plugin's answer hook, ready to run. */
export type AnswerStep = (exchange: Exchange, answer: AnswerHead) => void;

/** The plugins of a route (or of a route for some consumers), one array per phase, in running order. */
export interface Chain {
  readonly access: readonly Step[];
  readonly answer: readonly AnswerStep[];
  /** The access step before which the consumer is looked up: all authenticating plugins come before it. */
  readonly consumerAt: number;
  readonly maxBodyBytes: number;
}

/** One plugin's entry hook, ready to run. */
export interface EntryStep {
  readonly plugin: string;
  readonly onError: 'refuse' | 'next';
  run(arrival: Arrival): Verdict;
}
