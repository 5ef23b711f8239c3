const share = 0.1;
const mostMs = 200;

/** The time given less a reserve, so that the reason arrives before the caller's own deadline does. */
export function withReserve(withinMs: number): number {
  return withinMs - Math.min(mostMs, withinMs * share);
}
