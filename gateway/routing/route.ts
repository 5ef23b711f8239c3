import type { RoutePolicy } from '../pipeline/chain.ts';
import type { MatchedRoute } from '../request/exchange.ts';
import type { PathAllowance } from '../request/path.ts';
import type { Action } from './action.ts';

/** A route as compiled from the configuration. */
export interface Route extends RoutePolicy, MatchedRoute {
  /** What it does with a request that its plugins admit. */
  readonly action: Action;
  /** Irregularities that its paths may have. */
  readonly pathAllows: readonly PathAllowance[];
  /** Taken off every path that matches; empty for none. */
  readonly basePath: string;
  /** Names of headers that are let through although servers fold them, from their form with hyphens to the allowed one. */
  readonly headersAllow: ReadonlyMap<string, string>;
}
