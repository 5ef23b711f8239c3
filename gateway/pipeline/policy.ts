import type { Chain } from './chain.ts';
import type { Overrides } from './chains.ts';
import type { Consumers } from './consumers.ts';

/** The decisions on the requests of one route. */
export interface RoutePolicy {
  readonly chain: Chain;
  /** The same for all routes. */
  readonly consumers: Consumers;
  /** The chain for a consumer with these plugins. */
  readonly chainFor: (overrides: Overrides) => Chain;
  /**
   * Set if a consumer may send a larger body than others and the head alone identifies the caller: then no byte is read before the
   * consumer is known, and the body is limited at that point. Otherwise the route's limit applies from the start.
   */
  readonly limitsByConsumer?: true;
}
