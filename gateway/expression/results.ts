import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { Timestamp } from './time.ts';
import { listOf, mapOf, type Type } from './types.ts';
import { keysOf, kindOf, lookUp } from './values.ts';

/** The JavaScript value of an expression, by the kind of its result. */
export interface ResultTypes {
  readonly boolean: boolean;
  readonly text: string;
  /** From an int or a double: finite, and an int only if a JavaScript number represents it exactly. */
  readonly number: number;
  /** Its items are values of expressions: an int is a bigint; see Kind. */
  readonly list: readonly unknown[];
  readonly map: ReadonlyMap<unknown, unknown>;
  /** Truncated to milliseconds. */
  readonly timestamp: Date;
}

export type ResultKind = keyof ResultTypes;

export interface Result<Value> {
  /** The allowed CEL types of the expression; `dyn` is checked on evaluation. */
  readonly types: readonly Type[];
  /** Set if `dyn` is refused when the expression is loaded: what to write instead. */
  readonly dynHint?: string;
  /** What to write in place of an expression of another type. */
  readonly hint?: string;
  /** The value of the result; undefined if the expression returned something else. */
  readonly read: (value: unknown, frame: Frame) => Value | undefined;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const number = Number(value);
  if (typeof value === 'number' ? Number.isFinite(number) : Number.isSafeInteger(number)) return number;
  throw new EvaluationError('the expression gave a number that is not finite, or an integer beyond 2⁵³');
}

function mapFrom(value: unknown, frame: Frame): ReadonlyMap<unknown, unknown> | undefined {
  if (kindOf(value) !== 'map') return undefined;
  const map = value as object;
  return new Map(keysOf(map, frame).map((key) => [key, lookUp(map, key, frame)]));
}

/** Every kind of result that an expression can be compiled for. */
export const results: { readonly [Kind in ResultKind]: Result<ResultTypes[Kind]> } = {
  boolean: {
    types: ['bool'],
    dynHint: 'compare it, for example with == true',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  },
  text: {
    types: ['string'],
    hint: 'convert it with string(…)',
    read: (value) => (typeof value === 'string' ? value : undefined),
  },
  number: { types: ['int', 'double'], read: numberOf },
  list: { types: [listOf('dyn')], read: (value) => (Array.isArray(value) ? value : undefined) },
  map: { types: [mapOf('dyn', 'dyn')], read: mapFrom },
  timestamp: {
    types: ['timestamp'],
    read: (value) => (value instanceof Timestamp ? value.toDate() : undefined),
  },
};
