import type { Exchange } from '../request/exchange.ts';
import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { Duration, Timestamp } from './time.ts';

/**
 * The values of expressions: null, boolean, string, bigint (CEL's int), number (double), Timestamp, Duration, arrays
 * (list), and as maps plain objects, Map and HeaderMap. Anything else is refused when it is met.
 */
export type Kind = 'null' | 'bool' | 'string' | 'int' | 'double' | 'timestamp' | 'duration' | 'list' | 'map';

export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'object':
      return objectKind(value);
    default:
      throw new EvaluationError(`a value of type ${typeof value} has no meaning in an expression`);
  }
}

function objectKind(value: object | null): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Timestamp) return 'timestamp';
  if (value instanceof Duration) return 'duration';
  if (value instanceof HeaderMap || value instanceof Map) return 'map';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return 'map';
  throw new EvaluationError('an object of a class has no meaning in an expression');
}

/** The value of a key, or undefined. Only a map's own keys count, so nothing of JavaScript's prototypes shows. */
export function lookUp(map: object, key: unknown, frame: Frame): unknown {
  frame.spend(typeof key === 'string' ? 4 + (key.length >> 3) : 4);
  if (map instanceof HeaderMap) return typeof key === 'string' ? map.get(key, frame) : undefined;
  if (map instanceof Map)
    return map.get(typeof key === 'number' && Number.isInteger(key) ? BigInt(key) : key);
  if (typeof key !== 'string' || !Object.hasOwn(map, key)) return undefined;
  return (map as Record<string, unknown>)[key];
}

/** Making the list of a map's keys takes longer than going through it. */
const keySteps = 24;

export function keysOf(map: object, frame: Frame): readonly unknown[] {
  if (map instanceof HeaderMap) return map.keys(frame);
  const keys = map instanceof Map ? [...map.keys()] : Object.keys(map);
  frame.spend(keys.length * keySteps);
  return keys;
}

/** Comparing a name with one of the same length, and making a name lower case for a set; the longer, the dearer. */
const headerSteps = { get: 4, keys: 14 } as const;

/** A request's headers as a map from lower-case name to text, read from the flat list when a name is asked for. */
export class HeaderMap {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get(name: string, frame: Frame): string | undefined {
    const { length } = this.#exchange.head.headers;
    frame.spend((length >> 1) * headerSteps.get);
    const value = this.#exchange.header(name);
    // The values of a repeated header are joined.
    if (value !== undefined) frame.spend(value.length >> 4);
    return value;
  }

  keys(frame: Frame): readonly string[] {
    const names = new Set<string>();
    const { headers } = this.#exchange.head;
    frame.spend((headers.length >> 1) * headerSteps.keys);
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string;
      frame.spend(name.length >> 3);
      names.add(name.toLowerCase());
    }
    return [...names];
  }
}
