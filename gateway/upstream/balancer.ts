import type { Endpoint } from './endpoint.ts';
import type { Outcome } from './outcome.ts';

/** Chooses the endpoint of each attempt. */
export interface Balancer {
  /** The endpoint of the next attempt, which is not one of those that the call has tried. At least one is left. */
  pick(tried: readonly Endpoint[]): Endpoint;
  /**
   * Tells what came of an attempt: once for each `pick`, when the attempt takes no place at the endpoint any more. An
   * attempt that is given up while it waits for a connection takes its place until there is one.
   */
  done(endpoint: Endpoint, outcome: Outcome): void;
}
