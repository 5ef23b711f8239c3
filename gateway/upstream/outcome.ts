import type { AttemptEntry } from '../request/exchange.ts';

/** The outcome of one attempt, for the log, the balancer and the decision on another attempt. */
export interface Outcome extends AttemptEntry {
  /** No connection was made, so no byte was sent and another endpoint may be tried. */
  readonly connectFailed: boolean;
}
