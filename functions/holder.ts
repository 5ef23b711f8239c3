import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { messageOf } from '../base/message-of.ts';
import { type Gateway, InvalidConfiguration } from '../gateway/index.ts';

const retryAfterMs = 10_000;

/**
 * Holds the gateway of a function: loads it once and, after a failure, again at the first request after ten seconds.
 *
 * A function that throws while it starts would be started again for each request, with only a bare 500 to show for
 * it. A secret that could not be read may be there the next time. The same problems are logged once.
 */
export class GatewayHolder {
  readonly #load: () => Promise<Gateway>;
  readonly #clock: Clock;
  readonly #log: Log;
  #gateway: Gateway | undefined;
  #loading: Promise<void> | undefined;
  #failedMs = Number.NEGATIVE_INFINITY;
  #problems: readonly string[] = [];

  constructor(load: () => Promise<Gateway>, clock: Clock, log: Log) {
    this.#load = load;
    this.#clock = clock;
    this.#log = log;
  }

  /** The gateway, or undefined while there is no valid configuration. Never throws. */
  async get(): Promise<Gateway | undefined> {
    if (this.#gateway !== undefined) return this.#gateway;
    if (this.#loading === undefined && this.#clock.monotonic() - this.#failedMs < retryAfterMs)
      return undefined;
    this.#loading ??= this.#attempt();
    await this.#loading;
    return this.#gateway;
  }

  /** The problems of the last attempt to load. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  async #attempt(): Promise<void> {
    try {
      this.#gateway = await this.#load();
    } catch (error) {
      this.#failedMs = this.#clock.monotonic();
      const problems = problemsOf(error);
      if (problems.join() !== this.#problems.join()) this.#log.error('misconfigured', { problems });
      this.#problems = problems;
    } finally {
      this.#loading = undefined;
    }
  }
}

/** Each problem, in one sentence with its place. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof InvalidConfiguration) return error.message.split('\n');
  return [messageOf(error)];
}
