import type { RoutePolicy } from '../pipeline/chain.ts';
import type { Head, MatchedRoute } from '../request/exchange.ts';
import type { PathAllowance } from '../request/path.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { RewriteLocations } from './answer-locations.ts';

export type Respond = 'full' | 'headers' | 'status' | 'none';

/** A route as compiled from the configuration. */
export interface Route extends RoutePolicy, MatchedRoute {
  readonly respond: Respond;
  readonly upstream: Upstream;
  /** The target sees the host that the client asked for, not its own. */
  readonly clientHost?: boolean;
  readonly rewriteLocations?: RewriteLocations | undefined;
  /** The path and query that the target sees, made from the canonical path and the raw query. */
  readonly targetPath: (head: Head) => string;
  /** Irregularities that its paths may have. */
  readonly pathAllows: readonly PathAllowance[];
  /** Taken off every path that matches; empty for none. */
  readonly basePath: string;
  /** Names of headers that are let through although servers fold them, from their form with hyphens to the allowed one. */
  readonly headersAllow: ReadonlyMap<string, string>;
}
