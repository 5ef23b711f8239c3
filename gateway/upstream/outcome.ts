import type { AttemptEntry } from '../request/exchange.ts';

/** What came of one attempt, as the log, the balancer and the decision on another attempt read it. */
export interface Outcome extends AttemptEntry {
  /** No connection was made, so no byte was sent and another endpoint may be tried. */
  readonly connectFailed: boolean;
}
