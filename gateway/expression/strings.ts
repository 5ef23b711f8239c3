import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';

const surrogate = /[\ud800-\udfff]/;

/** Order by code points, which differs from UTF-16 order above U+FFFF. */
export function compareTexts(left: string, right: string, frame: Frame): number {
  const length = Math.min(left.length, right.length);
  frame.spend(6 + (length >> 1));
  let at = 0;
  while (at < length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  if (at === length) return left.length - right.length;
  // A surrogate is part of a character above every single unit.
  const [one, other] = [left.charCodeAt(at), right.charCodeAt(at)];
  return Number(isSurrogate(one)) - Number(isSurrogate(other)) || one - other;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** The number of code points. */
export function codePoints(text: string, frame: Frame): number {
  frame.spend(text.length >> 1);
  let count = text.length;
  for (let at = 0; at < text.length; at += 1)
    if ((text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00)
      count -= 1;
  return count;
}

/** The offset where a code point begins; undefined beyond the end. */
function unitAt(text: string, index: number, frame: Frame): number | undefined {
  frame.spend(text.length >> 2);
  if (!surrogate.test(text)) return index <= text.length ? index : undefined;
  let at = 0;
  for (let passed = 0; passed < index; passed += 1) {
    if (at >= text.length) return undefined;
    at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  }
  return at;
}

function position(text: string, index: bigint, name: string, frame: Frame): number {
  const at = index < 0n || index > text.length ? undefined : unitAt(text, Number(index), frame);
  if (at === undefined) throw new EvaluationError(`${name}: ${index} is not an index in the string`);
  return at;
}

/** From one code point to before another; both must be in the string. */
export function substring(frame: Frame, text: string, from: bigint, to?: bigint): string {
  if (to !== undefined && to < from) throw new EvaluationError(`substring: ${to} is before ${from}`);
  const start = position(text, from, 'substring', frame);
  return to === undefined ? text.slice(start) : text.slice(start, position(text, to, 'substring', frame));
}

/** The first occurrence from a code point on; -1 if there is none. */
export function indexOf(frame: Frame, text: string, sought: string, from = 0n): bigint {
  const start = position(text, from, 'indexOf', frame);
  if (from !== 0n && start === text.length && sought !== '')
    throw new EvaluationError(`indexOf: ${from} is not an index in the string`);
  spendSearch(frame, text, sought);
  const at = text.indexOf(sought, start);
  return at < 0 ? -1n : BigInt(codePoints(text.slice(0, at), frame));
}

/** In the worst case, a long needle costs the product of the two lengths. */
export function spendSearch(frame: Frame, { length }: string, sought: string): void {
  // Not >> 3, because the product may need more than 32 bits.
  frame.spend(10 + (length * (2 + sought.length)) / 8);
}

export function contains(frame: Frame, text: string, sought: string): boolean {
  spendSearch(frame, text, sought);
  return text.includes(sought);
}

/** At most `limit` pieces, or all if it is negative. */
export function split(frame: Frame, text: string, separator: string, limit = -1n): string[] {
  if (limit === 0n) return [];
  const pieces = cut(frame, text, separator);
  if (limit < 0n || pieces.length <= limit) return pieces;
  const last = Number(limit) - 1;
  return [...pieces.slice(0, last), pieces.slice(last).join(separator)];
}

/** Replaces the first occurrences, or all if `limit` is negative; the empty string occurs around each character. */
export function replace(frame: Frame, text: string, old: string, by: string, limit = -1n): string {
  const pieces = old === '' ? ['', ...cut(frame, text, ''), ''] : cut(frame, text, old);
  const most = pieces.length - 1;
  const count = limit < 0n || limit > most ? most : Number(limit);
  frame.spend((count * by.length) / 8 + pieces.length);
  if (count === most) return pieces.join(by);
  const rest = pieces.slice(count).join(old);
  return [...pieces.slice(0, count), rest].join(by);
}

function cut(frame: Frame, text: string, separator: string): string[] {
  // Each piece is an object.
  frame.spend(text.length * 6);
  spendSearch(frame, text, separator);
  return separator === '' ? [...text] : text.split(separator);
}

/** Unicode's White_Space. JavaScript's trim differs: it removes U+FEFF and keeps U+0085. */
function isBlank(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  return (
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}

export function trim(frame: Frame, text: string): string {
  frame.spend(text.length >> 3);
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
