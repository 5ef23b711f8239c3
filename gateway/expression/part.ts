import type { Form } from './forms.ts';
import type { Code } from './frame.ts';
import type { Node } from './syntax.ts';
import type { Type } from './types.ts';

/** A value that stands in the source, and where. */
export interface Written {
  readonly value: unknown;
  readonly node: Node;
}

/** A compiled part of an expression, its type, and its value when that is known already. */
export interface Part {
  readonly code: Code;
  readonly type: Type;
  readonly constant?: { readonly value: unknown } | undefined;
  /** The closed form of the value, if it has one, or of the keys of a map. */
  readonly form?: Form | undefined;
  readonly keyForm?: Form | undefined;
  /** What stands in the source of which the value is one, or of a list and the keys of a map, its items. */
  readonly written?: readonly Written[] | undefined;
  readonly writtenItems?: readonly Written[] | undefined;
}

export function constant(value: unknown, type: Type): Part {
  return { code: () => value, type, constant: { value } };
}

/** The values in the source that a part can have, as far as they are known: its own, or one of several. */
export function writtenIn(part: Part, node: Node): readonly Written[] {
  return part.constant === undefined ? (part.written ?? []) : [{ value: part.constant.value, node }];
}

export function isConstant(part: Part): part is Part & { readonly constant: { readonly value: unknown } } {
  return part.constant !== undefined;
}
