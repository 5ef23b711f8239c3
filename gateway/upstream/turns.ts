/**
 * Spreads the targets by weight: weights 3 and 1 give 0, 0, 1, 0 and not 0, 0, 0, 1 (smooth weighted round robin).
 *
 * @param weights whole numbers from 1
 * @returns indices, each as often as its weight says in relation to the others
 */
export function interleave(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  const shares = weights.map((weight) => weight / divisor);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const credit = shares.map(() => 0);
  return Array.from({ length: total }, function nextTurn() {
    shares.forEach((share, index) => {
      credit[index] = (credit[index] as number) + share;
    });
    const richest = credit.indexOf(Math.max(...credit));
    credit[richest] = (credit[richest] as number) - total;
    return richest;
  });
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Gives the targets their turns. */
export class Turns {
  readonly #order: readonly number[];
  #next = 0;

  constructor(weights: readonly number[]) {
    this.#order = interleave(weights);
  }

  /** The target whose turn it is among those not tried yet; at least one must be left. */
  take(tried: ReadonlySet<number>): number {
    for (;;) {
      const index = this.#order[this.#next] as number;
      this.#next = (this.#next + 1) % this.#order.length;
      if (!tried.has(index)) return index;
    }
  }
}
