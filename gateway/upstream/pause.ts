import type { Clock } from '../ports/clock.ts';

/** How far the wall clock may step back (NTP does that) before the elapsed time counts as unknown. */
const stepBackMs = 1_000;

/**
 * Measures the time since the last question, by the wall clock: in a frozen sandbox (AWS Lambda between two requests) no timer
 * fires, and the monotonic clock may stand still.
 */
export class PauseWatch {
  readonly #clock: Clock;
  #askedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#askedMs = clock.now();
  }

  /** Milliseconds since the last call; infinite if the clock was set back in between. */
  passedMs(): number {
    const now = this.#clock.now();
    const passedMs = now - this.#askedMs;
    this.#askedMs = now;
    if (passedMs < -stepBackMs) return Number.POSITIVE_INFINITY;
    return Math.max(0, passedMs);
  }
}
