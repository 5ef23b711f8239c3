import type { Code } from './frame.ts';
import type { Part } from './part.ts';
import { kindOf } from './values.ts';

/** The most common comparisons: with a literal string, and with one of a list of literal strings. */
export function quickComparison(operator: string, left: Part, right: Part): Code | undefined {
  if (right.constant === undefined) return undefined;
  const { code } = left;
  const { value } = right.constant;
  if (typeof value === 'string' && (operator === '==' || operator === '!=')) {
    const wanted = operator === '==';
    return (frame) => isText(code(frame), value) === wanted;
  }
  if (operator !== 'in' || !Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    return undefined;
  const known = new Set<unknown>(value);
  const longest = Math.max(0, ...value.map((one) => one.length));
  return function isOneOf(frame) {
    const sought = code(frame);
    // A set lookup hashes the string, which would be expensive for a very long one.
    if (typeof sought === 'string') return sought.length <= longest && known.has(sought);
    kindOf(sought);
    return false;
  };
}

/** Equality with a string. A value that expressions do not support is refused here as everywhere. */
function isText(value: unknown, text: string): boolean {
  if (typeof value === 'string') return value === text;
  kindOf(value);
  return false;
}
