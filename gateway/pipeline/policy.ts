import type { Chain } from './chain.ts';
import type { Overrides } from './chains.ts';
import type { Consumers } from './consumers.ts';

/** What decides on the requests of one route. */
export interface RoutePolicy {
  readonly chain: Chain;
  /** The same for all routes. */
  readonly consumers: Consumers;
  /** The chain for a consumer with these plugins. */
  readonly chainFor: (overrides: Overrides) => Chain;
  /**
   * Set where a consumer may send a larger body than others, and the head alone says who calls: then no byte is read before that is
   * known, and the body is limited when it is. Otherwise the route's limit holds from the start.
   */
  readonly limitsByConsumer?: true;
}
