import type { Form } from './forms.ts';
import type { Code } from './frame.ts';
import type { Type } from './types.ts';

/** A compiled part of an expression, its type, and its value when that is known already. */
export interface Part {
  readonly code: Code;
  readonly type: Type;
  readonly constant?: { readonly value: unknown } | undefined;
  /** The closed form of the value, if it has one, or of the keys of a map. */
  readonly form?: Form | undefined;
  readonly keyForm?: Form | undefined;
}

export function constant(value: unknown, type: Type): Part {
  return { code: () => value, type, constant: { value } };
}

export function isConstant(part: Part): part is Part & { readonly constant: { readonly value: unknown } } {
  return part.constant !== undefined;
}
