const share = 0.1;
const mostMs = 200;

/** The given time without a reserve, so that the reason arrives before the caller's own deadline. */
export function withReserve(withinMs: number): number {
  return withinMs - Math.min(mostMs, withinMs * share);
}
