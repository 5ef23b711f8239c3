import type { RoutePolicy } from '../pipeline/policy.ts';
import type { MatchedRoute } from '../request/exchange.ts';
import type { PathAllowance } from '../request/path.ts';
import type { Action } from './action.ts';

/** A compiled route of the configuration. */
export interface Route extends RoutePolicy, MatchedRoute {
  /** What it does with a request that its plugins admit. */
  readonly action: Action;
  /** Irregularities that are allowed in its paths. */
  readonly pathAllows: readonly PathAllowance[];
  /** Removed from every path that matches; may be empty. */
  readonly basePath: string;
  /** Names of headers that are forwarded although servers fold them, from their form with hyphens to the allowed spelling. */
  readonly headersAllow: ReadonlyMap<string, string>;
}
