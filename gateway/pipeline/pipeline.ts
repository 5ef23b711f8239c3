import { types } from 'node:util';
import { messageOf } from '../../base/message-of.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import { replyFor } from '../answer/reply-error.ts';
import { type Reply, readVerdict, type Verdict } from '../answer/verdict.ts';
import type { JudgeBody, Slot } from '../plugin/plugin.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { type Body, BodyError } from '../request/body.ts';
import type { Exchange, TrailEntry } from '../request/exchange.ts';
import type { Chain, Step } from './chain.ts';
import { pluginFailure } from './plugin-failure.ts';
import type { RoutePolicy } from './policy.ts';
import type { Recall } from './recall.ts';

export interface PipelineHost {
  readonly clock: Clock;
  readonly log: Log;
}

const pending = Symbol('pending');
/** The language's own method, because a promise of a plugin may have another `then`. */
const { then } = Promise.prototype;
const noBytes = new Uint8Array(0);

function limit(body: Body, bytes: number): Reply | undefined {
  try {
    body.limit(bytes);
    return undefined;
  } catch (error) {
    return replyFor(error);
  }
}

/** A plugin that was not responsible for the request. */
interface Passed {
  readonly slot: Slot;
  readonly reason: string;
  readonly challenge: string | undefined;
}

/** The outcome of a step: the reply that ends the run, undefined to continue, or `pending` if `#resume` will be called. */
type Outcome = Reply | undefined | typeof pending;

/**
 * One run of the access steps of an exchange. `done` gets the reply that ends it, or undefined to continue with the route's work.
 * It is called once, possibly from a promise without another owner, so it must not throw.
 *
 * While plugins answer synchronously no promise is made, and a whole pipeline runs in one turn of the event loop. A body that is not
 * there yet or a late verdict costs one promise each: with async functions a chain of seven took 0.3 µs longer.
 */
export class PipelineRun {
  /** The plugins that apply: those of the route, and also those of the consumer once it is known. */
  chain: Chain;
  readonly #exchange: Exchange;
  readonly #policy: RoutePolicy;
  readonly #body: Body;
  readonly #host: PipelineHost;
  readonly #done: (reply: Reply | undefined) => void;
  readonly #recall: Recall | undefined;
  /** The index of the next step. */
  #at = 0;
  /** When the current step began, which is when the previous one ended. */
  #startedMs: number;
  /** The slots whose plugin took responsibility. */
  #subjectFound = false;
  #deviceFound = false;
  /** The plugins that were not responsible. */
  readonly #passed: Passed[] = [];
  #consumerSought = false;

  constructor(
    exchange: Exchange,
    policy: RoutePolicy,
    body: Body,
    host: PipelineHost,
    done: (reply: Reply | undefined) => void,
    recall?: Recall,
  ) {
    this.chain = policy.chain;
    this.#exchange = exchange;
    this.#policy = policy;
    this.#body = body;
    this.#host = host;
    this.#done = done;
    this.#recall = recall;
    this.#startedMs = host.clock.monotonic();
  }

  start(): void {
    const { limitsByConsumer, chain } = this.#policy;
    const tooLarge = limitsByConsumer === true ? undefined : limit(this.#body, chain.maxBodyBytes);
    if (tooLarge !== undefined) this.#done(tooLarge);
    else this.#run();
  }

  /** Runs the remaining steps. */
  #run(): void {
    for (;;) {
      const step = this.#nextStep();
      if (step === undefined) return this.#done(undefined);
      const outcome = 'kind' in step ? step : this.#start(step);
      if (outcome === pending) return;
      if (outcome !== undefined) return this.#done(outcome);
    }
  }

  /** The next step; undefined if all have run, or a reply if the run ends before it. */
  #nextStep(): Step | Reply | undefined {
    for (;;) {
      if (this.#at === this.chain.consumerAt && !this.#consumerSought) {
        const refused = this.#enterConsumer();
        if (refused !== undefined) return refused;
      }
      const step = this.chain.access[this.#at];
      this.#at += 1;
      if (step?.authenticates === undefined || !this.#isFound(step.authenticates)) return step;
    }
  }

  /** After all authenticating plugins: refuses if none took responsibility, and changes to the consumer's chain. */
  #enterConsumer(): Reply | undefined {
    this.#consumerSought = true;
    const refused = this.#refuseUnfound() ?? this.#findConsumer();
    return refused ?? limit(this.#body, this.chain.maxBodyBytes);
  }

  /** Refuses if plugins were asked for a slot and none took responsibility. */
  #refuseUnfound(): Reply | undefined {
    const missing = this.#passed.filter(({ slot }) => !this.#isFound(slot));
    if (missing.length === 0) return undefined;
    const challenges = missing.flatMap(({ challenge }) => challenge ?? []);
    const headers = challenges.flatMap((challenge) => ['www-authenticate', challenge]);
    return gatewayRefusals.unauthenticated(missing.map(({ reason }) => reason).join('; '), headers);
  }

  #isFound(slot: Slot): boolean {
    return slot === 'subject' ? this.#subjectFound : this.#deviceFound;
  }

  #findConsumer(): Reply | undefined {
    const found = this.#policy.consumers.find(this.#exchange, this.#host.log);
    if (found === undefined || 'kind' in found) return found;
    this.#exchange.consumer = found.id;
    this.chain = this.#policy.chainFor(found.overrides);
    return undefined;
  }

  #start(step: Step): Outcome {
    try {
      if (this.#recall !== undefined && step.body.kind !== 'none')
        return this.#judge(step, this.#recall(step, this.#exchange));
      const judge = step.head?.(this.#exchange);
      if (step.head !== undefined && typeof judge !== 'function') return this.#judge(step, judge);
      const body = this.#read(step);
      if (!(body instanceof Promise)) return this.#ask(step, body, judge as JudgeBody | undefined);
      return this.#await(step, body, (bytes) => this.#ask(step, bytes, judge as JudgeBody | undefined));
    } catch (error) {
      return this.#fail(step, error);
    }
  }

  #read(step: Step): Uint8Array | Promise<Uint8Array> {
    if (step.body.kind === 'none') return noBytes;
    this.#body.limit(step.body.limitBytes);
    return this.#body.all();
  }

  #ask(step: Step, body: Uint8Array, judge: JudgeBody | undefined): Outcome {
    if (step.body.kind === 'all') this.#exchange.bodySize = body.byteLength;
    const verdict: unknown = judge === undefined ? step.run(this.#exchange, body) : judge(body);
    // Other thenables are not awaited; a value that is not a verdict refuses.
    return types.isPromise(verdict)
      ? this.#await(step, verdict, (late) => this.#judge(step, late))
      : this.#judge(step, verdict);
  }

  #await<Value>(step: Step, late: Promise<Value>, proceed: (value: Value) => Outcome): typeof pending {
    then.call(
      late,
      (value) => this.#resume(step, () => proceed(value as Value)),
      (error: unknown) => this.#resume(step, () => this.#fail(step, error)),
    );
    return pending;
  }

  /** Continues after a wait. */
  #resume(step: Step, proceed: () => Outcome): void {
    const outcome = this.#attempt(step, proceed);
    if (outcome === pending) return;
    if (outcome === undefined) this.#run();
    else this.#done(outcome);
  }

  #attempt(step: Step, proceed: () => Outcome): Outcome {
    try {
      return proceed();
    } catch (error) {
      return this.#fail(step, error);
    }
  }

  #judge(step: Step, given: unknown): Reply | undefined {
    let verdict: Verdict;
    try {
      verdict = readVerdict(given, step.authenticates !== undefined);
    } catch (error) {
      // onError does not apply to this failure, because the plugin's intent is unknown.
      return this.#refuse(step, `malformed verdict: ${messageOf(error)}`);
    }
    if (verdict.kind === 'next') {
      this.#note(step, 'next', undefined);
      if (step.authenticates === 'subject') this.#subjectFound = true;
      else if (step.authenticates === 'device') this.#deviceFound = true;
      return undefined;
    }
    if (verdict.kind !== 'not-responsible') {
      this.#note(step, verdict.kind, verdict.code);
      return verdict;
    }
    this.#note(step, 'not-responsible', verdict.reason);
    const { reason, challenge } = verdict;
    this.#passed.push({ slot: step.authenticates as Slot, reason: `${step.plugin}: ${reason}`, challenge });
    // A plugin that waited for the consumer is the last one that is asked.
    return this.#consumerSought ? this.#refuseUnfound() : undefined;
  }

  #fail(step: Step, error: unknown): Reply | undefined {
    if (error instanceof BodyError) {
      this.#note(step, 'refuse', error.reply.code);
      return error.reply;
    }
    const refusal = this.#refuse(step, messageOf(error));
    return step.onError === 'next' && step.authenticates === undefined ? undefined : refusal;
  }

  #refuse(step: Step, message: string): Reply {
    this.#note(step, 'error', message);
    return pluginFailure(this.#host.log, this.#exchange.id, step.plugin, message);
  }

  #note(step: Step, result: TrailEntry['result'], reason: string | undefined): void {
    const nowMs = this.#host.clock.monotonic();
    const microseconds = Math.round((nowMs - this.#startedMs) * 1000);
    this.#startedMs = nowMs;
    this.#exchange.trail.push({ plugin: step.plugin, result, reason, microseconds });
  }
}
