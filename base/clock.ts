import { ignore } from './ignore.ts';
export interface Clock {
  /** Milliseconds since the epoch, by the wall clock. */
  now(): number;
  /** Milliseconds on a clock that never goes back, with fractions. */
  monotonic(): number;
  /** Resolves after that many milliseconds of the monotonic clock. Rejects with the signal's reason when it aborts before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clocks. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>(function start(resolve, reject) {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(function end() {
        signal?.removeEventListener('abort', cancel);
        resolve();
      }, ms);
      function cancel(): void {
        clearTimeout(timer);
        reject(signal?.reason);
      }
      signal?.addEventListener('abort', cancel, { once: true });
    }),
});

/** Calls once after that time unless the function that it gives was called before. */
export function after(clock: Clock, ms: number, call: () => void): () => void {
  const cancelled = new AbortController();
  clock.sleep(ms, cancelled.signal).then(function onTime() {
    // Both may come to pass in the same turn.
    if (!cancelled.signal.aborted) call();
  }, ignore);
  return () => cancelled.abort(noLonger);
}

/** Waits for what the work gives, but not longer than this; then gives undefined, and the work goes on unwatched. */
export async function limited<T>(clock: Clock, work: Promise<T>, withinMs: number): Promise<T | undefined> {
  let cancel = ignore;
  const late = new Promise<undefined>((resolve) => {
    cancel = after(clock, withinMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

/** An AbortController makes an exception with a stack otherwise. */
const noLonger = 'cancelled';
