/** Waits for what the work gives, but not longer than this; then gives undefined, and the work goes on unwatched. */
export function limited<T>(work: Promise<T>, withinMs: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), withinMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
