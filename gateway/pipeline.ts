import { type Body, BodyError } from './body.ts';
import type { Exchange } from './exchange.ts';
import type { Clock, Log } from './plugin.ts';
import { gatewayRefusals } from './refusal.ts';
import type { Step } from './route.ts';
import type { Reply, Verdict } from './verdict.ts';

export interface PipelineHost {
  readonly clock: Clock;
  readonly log: Log;
}

const noBytes = new Uint8Array(0);

/** Runs the rewrite and access steps of one exchange; `done` gets the reply that ends it, or undefined to go on to the target. */
export function runPipeline(
  exchange: Exchange,
  body: Body,
  host: PipelineHost,
  done: (reply: Reply | undefined) => void,
): void {
  new PipelineRun(exchange, body, host, done).rewrite(0);
}

/**
 * One run. While plugins answer at once no promise is made: a whole pipeline then runs in one turn of the event loop.
 */
class PipelineRun {
  readonly #exchange: Exchange;
  readonly #body: Body;
  readonly #host: PipelineHost;
  readonly #done: (reply: Reply | undefined) => void;
  #authenticated = false;
  readonly #unclaimed: string[] = [];
  #consumerSought = false;

  constructor(exchange: Exchange, body: Body, host: PipelineHost, done: (reply: Reply | undefined) => void) {
    this.#exchange = exchange;
    this.#body = body;
    this.#host = host;
    this.#done = done;
  }

  rewrite(from: number): void {
    const steps = this.#exchange.chain.rewrite;
    for (let at = from; at < steps.length; at += 1) {
      const outcome = this.#run(steps[at] as Step, (stop) =>
        stop ? this.#done(stop) : this.rewrite(at + 1),
      );
      if (outcome === pending) return;
      if (outcome !== undefined) return this.#done(outcome);
    }
    this.access(0);
  }

  access(from: number): void {
    for (let at = from; ; at += 1) {
      if (at === this.#exchange.chain.consumerAt && !this.#consumerSought) {
        const refused = this.#enterConsumer();
        if (refused !== undefined) return this.#done(refused);
      }
      const step = this.#exchange.chain.access[at];
      if (step === undefined) return this.#done(undefined);
      if (step.authenticates && this.#authenticated) continue;
      const outcome = this.#run(step, (stop) => (stop ? this.#done(stop) : this.access(at + 1)));
      if (outcome === pending) return;
      if (outcome !== undefined) return this.#done(outcome);
    }
  }

  /** All that authenticates has run: refuse when nobody took responsibility, and change to the consumer's chain. */
  #enterConsumer(): Reply | undefined {
    this.#consumerSought = true;
    if (this.#unclaimed.length > 0 && !this.#authenticated) {
      return gatewayRefusals.unauthenticated(this.#unclaimed.join('; '));
    }
    const exchange = this.#exchange;
    try {
      const consumer = exchange.route.consumers.find(({ matches }) => matches(exchange));
      if (consumer === undefined) return undefined;
      exchange.consumer = consumer.id;
      exchange.chain = consumer.chain;
      return undefined;
    } catch (error) {
      return gatewayRefusals.error(`consumers: ${messageOf(error)}`);
    }
  }

  /** Gives the reply that ends the run, undefined to go on, or `pending` when `resume` will be called instead. */
  #run(step: Step, resume: (stop: Reply | undefined) => void): Reply | undefined | typeof pending {
    const started = this.#host.clock.monotonic();
    try {
      const body = this.#read(step);
      const verdict =
        body instanceof Promise
          ? body.then((bytes) => step.run(this.#exchange, bytes))
          : step.run(this.#exchange, body);
      if (!(verdict instanceof Promise)) return this.#judge(step, verdict, started);
      verdict
        .then((late) => this.#judge(step, late, started))
        .catch((error: unknown) => this.#fail(step, error, started))
        .then(resume)
        .catch((error: unknown) => this.#done(gatewayRefusals.error(messageOf(error))));
      return pending;
    } catch (error) {
      return this.#fail(step, error, started);
    }
  }

  #read(step: Step): Uint8Array | Promise<Uint8Array> {
    if (step.body.kind === 'none') return noBytes;
    if (step.body.kind === 'prefix') return this.#body.prefix(step.body.bytes);
    this.#body.limit(step.body.limitBytes);
    const whole = this.#body.all();
    if (!(whole instanceof Promise)) {
      this.#exchange.bodySize = whole.byteLength;
      return whole;
    }
    return whole.then((bytes) => {
      this.#exchange.bodySize = bytes.byteLength;
      return bytes;
    });
  }

  #judge(step: Step, verdict: Verdict, started: number): Reply | undefined {
    const reason =
      verdict.kind === 'reply' ? verdict.code : verdict.kind === 'next' ? undefined : verdict.reason;
    this.#note(step, verdict.kind, reason, started);
    if (verdict.kind === 'reply') return verdict;
    if (!step.authenticates) return undefined;
    if (verdict.kind === 'next') this.#authenticated = true;
    else this.#unclaimed.push(`${step.plugin}: ${verdict.reason}`);
    return undefined;
  }

  #fail(step: Step, error: unknown, started: number): Reply | undefined {
    if (error instanceof BodyError) {
      this.#note(step, 'reply', error.reply.code, started);
      return error.reply;
    }
    const message = messageOf(error);
    this.#note(step, 'error', message, started);
    this.#host.log.error('plugin-error', { id: this.#exchange.id, plugin: step.plugin, error: message });
    if (step.onError === 'next' && !step.authenticates) return undefined;
    return gatewayRefusals.error(`${step.plugin}: ${message}`);
  }

  #note(
    step: Step,
    result: 'next' | 'not-responsible' | 'reply' | 'error',
    reason: string | undefined,
    started: number,
  ): void {
    const microseconds = Math.round((this.#host.clock.monotonic() - started) * 1000);
    this.#exchange.trail.push({ plugin: step.plugin, result, reason, microseconds });
  }
}

const pending = Symbol('pending');

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
