import type { Steps } from './context.ts';
import { EvaluationError } from './errors.ts';
import { Duration, Timestamp } from './time.ts';

/**
 * The values of expressions: null, boolean, string, bigint (CEL's int), number (double), Timestamp, Duration, arrays (list), and for
 * maps plain objects, Map and LazyMap. Any other value is refused when it is read.
 */
export type Kind = 'null' | 'bool' | 'string' | 'int' | 'double' | 'timestamp' | 'duration' | 'list' | 'map';

/** A map with string keys whose values are read from something else on demand, such as headers. It counts its own steps. */
export abstract class LazyMap {
  abstract get(key: string, steps: Steps): unknown;
  abstract keys(steps: Steps): readonly string[];
}

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
  if (value instanceof LazyMap || value instanceof Map) return 'map';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return 'map';
  throw new EvaluationError('an object of a class has no meaning in an expression');
}

/** The value of a key; undefined if it is missing. Only own keys count, so JavaScript's prototypes stay hidden. */
export function lookUp(map: object, key: unknown, steps: Steps): unknown {
  steps.spend(typeof key === 'string' ? 4 + (key.length >> 3) : 4);
  if (map instanceof LazyMap) return typeof key === 'string' ? map.get(key, steps) : undefined;
  if (map instanceof Map)
    return map.get(typeof key === 'number' && Number.isInteger(key) ? BigInt(key) : key);
  if (typeof key !== 'string' || !Object.hasOwn(map, key)) return undefined;
  return (map as Record<string, unknown>)[key];
}

/** Making the list of a map's keys takes longer than walking through it. */
const keySteps = 24;

export function keysOf(map: object, steps: Steps): readonly unknown[] {
  if (map instanceof LazyMap) return map.keys(steps);
  const keys = map instanceof Map ? [...map.keys()] : Object.keys(map);
  steps.spend(keys.length * keySteps);
  return keys;
}
