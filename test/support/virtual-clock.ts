import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { quiet } from './quiet.ts';

/** Turns of the event loop in which what was woken goes on, before the next sleeper wakes. */
const turns = 5;

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

/** A clock that stands still until a test moves it. What sleeps on it wakes in the order of its times. */
export class VirtualClock implements Clock {
  #monotonicMs = 0;
  #wallMs: number;
  readonly #sleepers = new Set<Sleeper>();
  /** Work that time passes for. */
  #awaited = 0;
  #flows = false;

  constructor(wallMs = Date.UTC(2030, 0, 1)) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  /** How many sleep at this moment. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper: Sleeper = {
        atMs: this.#monotonicMs + Math.max(0, ms),
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', cancel);
          resolve();
        },
      };
      const cancel = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Lets this time pass on both clocks; whatever wakes may sleep again within it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      await settle(turns);
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.#wake(next);
    }
    this.#pass(endMs - this.#monotonicMs);
    await settle(turns);
  }

  /** Lets as much time pass as the work waits for, and no more; what it says over sockets within the test takes none. */
  run<T>(work: Promise<T>): Promise<T> {
    const over = () => {
      this.#awaited -= 1;
    };
    this.#awaited += 1;
    work.then(over, over);
    if (!this.#flows) void this.#flow();
    return work;
  }

  async #flow(): Promise<void> {
    this.#flows = true;
    for (;;) {
      await quiet();
      if (this.#awaited === 0) break;
      const next = this.#next();
      if (next !== undefined) this.#wake(next);
    }
    this.#flows = false;
  }

  /** Moves the wall clock alone, as a freeze does. */
  freeze(ms: number): void {
    this.#wallMs += ms;
  }

  #next(): Sleeper | undefined {
    const [next] = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs);
    return next;
  }

  #wake(sleeper: Sleeper): void {
    this.#pass(sleeper.atMs - this.#monotonicMs);
    sleeper.wake();
  }

  #pass(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }
}

async function settle(turns: number): Promise<void> {
  for (let count = 0; count < turns; count += 1) await turn();
}
