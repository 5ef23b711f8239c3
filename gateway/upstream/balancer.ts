import type { Endpoint } from './endpoint.ts';
import type { Outcome } from './outcome.ts';

/** Chooses the endpoint of each attempt. */
export interface Balancer {
  /** The endpoint of the next attempt, not one that the call has tried. At least one is left. */
  pick(tried: readonly Endpoint[]): Endpoint;
  /**
   * Reports the outcome of an attempt: once for each `pick`, when the attempt no longer takes a place at the endpoint. An attempt
   * that is cancelled while it waits for a connection keeps its place until there is one.
   */
  done(endpoint: Endpoint, outcome: Outcome): void;
}
