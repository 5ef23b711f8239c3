import type { Clock } from '../ports/clock.ts';

/** How far the wall clock may step back, as NTP makes it do, before nothing is known of the time that passed. */
const stepBackMs = 1_000;

/**
 * Tells how long nobody asked, by the wall clock: a frozen sandbox (AWS Lambda between two requests) hears none of its
 * timers, and its monotonic clock may have stood still.
 */
export class PauseWatch {
  readonly #clock: Clock;
  #askedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#askedMs = clock.now();
  }

  /** Milliseconds since the last call; infinite when the clock was set back meanwhile. */
  passedMs(): number {
    const now = this.#clock.now();
    const passedMs = now - this.#askedMs;
    this.#askedMs = now;
    if (passedMs < -stepBackMs) return Number.POSITIVE_INFINITY;
    return Math.max(0, passedMs);
  }
}
