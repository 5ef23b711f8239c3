import type { Clock } from '../plugin.ts';

/** Waits for what the work gives, but not longer than this; then gives undefined, and the work goes on unwatched. */
export async function limited<T>(clock: Clock, work: Promise<T>, withinMs: number): Promise<T | undefined> {
  const settled = new AbortController();
  try {
    return await Promise.race([work, clock.sleep(withinMs, settled.signal).then(() => undefined)]);
  } finally {
    settled.abort();
  }
}
