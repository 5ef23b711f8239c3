import type { Balancer } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';

/** Gives the endpoints turns by their weights, regardless of the outcomes of earlier attempts. */
export class RoundRobin implements Balancer {
  readonly #order: readonly Endpoint[];
  #next = 0;

  constructor(endpoints: readonly Endpoint[]) {
    const weights = endpoints.map(({ target }) => target.weight);
    this.#order = interleave(weights).map((index) => endpoints[index] as Endpoint);
  }

  pick(tried: readonly Endpoint[]): Endpoint {
    for (;;) {
      const endpoint = this.#order[this.#next] as Endpoint;
      this.#next = (this.#next + 1) % this.#order.length;
      if (tried.length === 0 || !tried.includes(endpoint)) return endpoint;
    }
  }

  done(): void {}
}

/**
 * Spreads turns by weight: weights 3 and 1 give 0, 0, 1, 0 and not 0, 0, 0, 1 (smooth weighted round robin).
 *
 * @param weights whole numbers from 1
 * @returns indices, each as often as its weight says
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
