import type { Code } from './frame.ts';
import type { Part } from './part.ts';
import { kindOf } from './values.ts';

/** The comparisons that rules consist of: with a text, and with one of a list of texts, that are written out. */
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
    // To look a text up in a set is to hash it, which a very long one would make expensive.
    if (typeof sought === 'string') return sought.length <= longest && known.has(sought);
    kindOf(sought);
    return false;
  };
}

/** Equality with a text; what is no value of expressions at all is refused here as it is everywhere. */
function isText(value: unknown, text: string): boolean {
  if (typeof value === 'string') return value === text;
  kindOf(value);
  return false;
}
