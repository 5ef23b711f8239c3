import { ignore } from './ignore.ts';
export interface Clock {
  /** Milliseconds since the epoch, by the wall clock. */
  now(): number;
  /** Milliseconds on a clock that never goes back, with fractions. */
  monotonic(): number;
  /** Resolves after this many milliseconds of the monotonic clock. Rejects with the signal's reason if it aborts before. */
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

/** Calls `call` once after this time, unless the returned function is called before. */
export function after(clock: Clock, ms: number, call: () => void): () => void {
  const cancelled = new AbortController();
  clock.sleep(ms, cancelled.signal).then(function onTime() {
    // The timer and the cancellation can happen in the same turn.
    if (!cancelled.signal.aborted) call();
  }, ignore);
  return () => cancelled.abort(noLonger);
}

/** Waits for the result of `work`, but at most `withinMs`; then returns undefined, and ignores the outcome of `work`. */
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

/** A text, because without a reason an AbortController creates an exception with a stack. */
const noLonger = 'cancelled';
