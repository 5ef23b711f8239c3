import type { RewriteLocations } from './answer-locations.ts';
import type { Exchange, Head } from './exchange.ts';
import type { PathAllowance } from './path.ts';
import type { Answer, BodyNeed, BodyTransform, JudgeBody } from './plugin.ts';
import type { Upstream } from './upstream/upstream.ts';
import type { Verdict } from './verdict.ts';

/** One plugin's access or rewrite hook, ready to run. */
export interface Step {
  readonly plugin: string;
  readonly authenticates: boolean;
  readonly body: BodyNeed;
  readonly onError: 'refuse' | 'next';
  /** Judges before the body is read, where a plugin has it; then it gives what judges the body, and `run` is not called. */
  readonly head?: ((exchange: Exchange) => Verdict | JudgeBody) | undefined;
  run(exchange: Exchange, body: Uint8Array): Verdict | Promise<Verdict>;
}

/** The plugins of a route (or of a route for one consumer), one array a phase, in the order in which they run. */
export interface Chain {
  readonly rewrite: readonly Step[];
  readonly access: readonly Step[];
  readonly responseHeaders: readonly ((exchange: Exchange, answer: Answer) => void)[];
  readonly responseBody: readonly ((exchange: Exchange) => BodyTransform | undefined)[];
  readonly log: readonly ((exchange: Exchange) => void)[];
  /** The access step before which the consumer is looked for: all that authenticates lies before it. */
  readonly consumerAt: number;
  readonly maxBodyBytes: number;
}

export interface ConsumerChain {
  readonly id: string;
  readonly matches: (exchange: Exchange) => boolean;
  /** Whether one of its own plugins guards: then a request that may be the consumer's is not let through without them. */
  readonly restricts: boolean;
  readonly chain: Chain;
}

export type Respond = 'full' | 'headers' | 'status' | 'none';

/** A route as compiled from the configuration. */
export interface Route {
  readonly name: string;
  readonly chain: Chain;
  readonly consumers: readonly ConsumerChain[];
  /**
   * Set where a consumer may send a larger body than others, and the head alone says who calls: then no byte is read before that is
   * known, and the body is limited when it is. Otherwise the route's limit holds from the start.
   */
  readonly limitsByConsumer?: true;
  readonly respond: Respond;
  readonly service: string;
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
