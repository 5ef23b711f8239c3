import type { Form } from './forms.ts';
import type { Code } from './frame.ts';
import type { Node } from './syntax.ts';
import type { Type } from './types.ts';

/** A value written in the source, and its place. */
export interface Written {
  readonly value: unknown;
  readonly node: Node;
}

/** A compiled part of an expression, its type, and its value if it is constant. */
export interface Part {
  readonly code: Code;
  readonly type: Type;
  readonly constant?: { readonly value: unknown } | undefined;
  /** The closed form of the value, or of the keys of a map, if there is one. */
  readonly form?: Form | undefined;
  readonly keyForm?: Form | undefined;
  /** The literals in the source that the value can be; for a list its items, for a map its keys. */
  readonly written?: readonly Written[] | undefined;
  readonly writtenItems?: readonly Written[] | undefined;
}

export function constant(value: unknown, type: Type): Part {
  return { code: () => value, type, constant: { value } };
}

/** The literals that a part can be, as far as known: its own, or one of several. */
export function writtenIn(part: Part, node: Node): readonly Written[] {
  return part.constant === undefined ? (part.written ?? []) : [{ value: part.constant.value, node }];
}

export function isConstant(part: Part): part is Part & { readonly constant: { readonly value: unknown } } {
  return part.constant !== undefined;
}
