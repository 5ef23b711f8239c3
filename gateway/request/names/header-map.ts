import type { Steps } from '../../expression/context.ts';
import { LazyMap } from '../../expression/values.ts';
import type { Exchange } from '../exchange.ts';

/** A comparison with a name of the same length, and a name in lower case for a set; rounded up. */
const headerSteps = { get: 4, keys: 14 } as const;

/** A request's headers as a map from lower-case name to text, read from the flat list when a name is asked for. */
export class HeaderMap extends LazyMap {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    super();
    this.#exchange = exchange;
  }

  override get(name: string, steps: Steps): string | undefined {
    const { length } = this.#exchange.head.headers;
    steps.spend((length >> 1) * headerSteps.get);
    const value = this.#exchange.header(name);
    // The values of a repeated header are joined.
    if (value !== undefined) steps.spend(value.length >> 4);
    return value;
  }

  override keys(steps: Steps): readonly string[] {
    const names = new Set<string>();
    const { headers } = this.#exchange.head;
    steps.spend((headers.length >> 1) * headerSteps.keys);
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string;
      steps.spend(name.length >> 3);
      names.add(name.toLowerCase());
    }
    return [...names];
  }
}
