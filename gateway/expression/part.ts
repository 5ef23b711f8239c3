import type { Code } from './frame.ts';

/** A compiled part of an expression, and its value when that is known already. */
export interface Part {
  readonly code: Code;
  readonly constant?: { readonly value: unknown };
}

export function constant(value: unknown): Part {
  return { code: () => value, constant: { value } };
}

export function isConstant(part: Part): part is Required<Part> {
  return part.constant !== undefined;
}
