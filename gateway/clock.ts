import type { Clock } from './plugin.ts';

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
