import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { EvaluationError } from './errors.ts';

/** Longer integers may not be representable as doubles. */
const longInteger = /[0-9]{16}/;
/** An integer outside of strings that may need 64 bits. */
const exactInteger = /(?<![0-9.eE+-])-?[1-9][0-9]{15,18}(?![0-9.eE])/g;
/** An escape of half a character. */
const surrogateEscape = /\\u[dD][89a-fA-F]/;
/** The escapes that may be two such halves of one character, and an escaped backslash. */
const wholeEscapes = /\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/g;

/**
 * Parses a JSON body (RFC 8259) for expressions.
 *
 * Numbers are doubles, as in CEL's reading of JSON, but an integer that a double cannot represent becomes an int, so that two ids
 * that differ in the last digit stay different. V8 parses without recursion, so nesting cannot overflow the stack. An object with a
 * repeated key is refused: some readers use the first value, some the last (RFC 8259 section 4).
 *
 * @throws EvaluationError if the body is not JSON in UTF-8
 */
export function parseJson(body: Uint8Array): unknown {
  if (!isUtf8(body)) throw new EvaluationError('the body is not UTF-8');
  const received = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  const first = parse(received);
  // Readers disagree on half a surrogate pair, which has no UTF-8.
  if (surrogateEscape.test(received) && surrogateEscape.test(received.replace(wholeEscapes, '')))
    throw new EvaluationError('the body has half a character in a string');
  const text = withPlainKeys(received);
  const value = text === received ? first : parse(text);
  if (membersIn(text) !== membersOf(value))
    throw new EvaluationError('the body has a key twice in one object');
  return longInteger.test(text) ? withExactIntegers(text, value) : value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the body.
    throw new EvaluationError('the body is not JSON');
  }
}

/**
 * The text with its keys written without escapes. V8 13.6 (Node 24) confuses a key with an escape with a key of an earlier object:
 * after `{"role":1,"\\u00":1}` it reads `{"role":1,"\u0072ole":2}` as if it were that, so the policy would see only the first role.
 *
 * @param text valid JSON
 * @throws EvaluationError if a key cannot be written without an escape: one with a quote, a backslash or a control character
 */
function withPlainKeys(text: string): string {
  if (!text.includes('\\')) return text;
  const parts: string[] = [];
  let kept = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    const end = endOfText(text, at);
    colon.lastIndex = end;
    if (colon.test(text)) {
      const key = text.slice(at, end);
      if (key.includes('\\')) {
        const plain = JSON.stringify(JSON.parse(key));
        if (plain.includes('\\'))
          throw new EvaluationError('the body has a key with a quote, a backslash or a control character');
        parts.push(text.slice(kept, at), plain);
        kept = end;
      }
    }
    at = end;
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(kept);
}

const colon = /[ \t\n\r]*:/y;
const quoteCode = 0x22;
const colonCode = 0x3a;

/** The number of members of all objects in a JSON text, including those that the parser replaced by a later one. */
function membersIn(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === colonCode) count += 1;
    else if (code === quoteCode) at = endOfText(text, at) - 1;
  }
  return count;
}

/**
 * The number of members of all objects in a value. Without recursion, because the sender chooses the nesting. Uses `for…in`, because a
 * list of keys or values for each object takes four times as long as parsing it.
 */
function membersOf(value: unknown): number {
  let count = 0;
  const rest: object[] = typeof value === 'object' && value !== null ? [value] : [];
  for (let container = rest.pop(); container !== undefined; container = rest.pop()) {
    if (Array.isArray(container)) {
      for (const item of container) if (typeof item === 'object' && item !== null) rest.push(item);
    } else {
      for (const key in container) {
        count += 1;
        const item = (container as Record<string, unknown>)[key];
        if (typeof item === 'object' && item !== null) rest.push(item);
      }
    }
  }
  return count;
}

/**
 * Parses a text again with its long integers quoted and marked, and turns them into ints.
 *
 * JSON.parse could pass every value with its source to a reviver, but that takes forty times as long as parsing.
 */
function withExactIntegers(text: string, value: unknown): unknown {
  // The author of a body cannot know it.
  const mark = randomUUID();
  const marked = markIntegers(text, mark);
  if (marked === undefined) return value;
  return replaceTexts(parse(marked), function exactIfMarked(one) {
    if (!one.startsWith(mark)) return one;
    const digits = one.slice(mark.length);
    const exact = BigInt(digits);
    return BigInt.asIntN(64, exact) === exact && !Number.isSafeInteger(Number(exact))
      ? exact
      : Number(digits);
  });
}

/** Undefined if only strings contain long integers. The text is JSON. */
function markIntegers(text: string, mark: string): string | undefined {
  const parts: string[] = [];
  let kept = 0;
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const until = quote < 0 ? text.length : quote;
    if (until - at >= 16) {
      const between = text.slice(at, until);
      const marked = between.replace(exactInteger, `"${mark}$&"`);
      if (marked.length !== between.length) {
        parts.push(text.slice(kept, at), marked);
        kept = until;
      }
    }
    at = quote < 0 ? text.length : endOfText(text, quote);
  }
  return parts.length === 0 ? undefined : parts.join('') + text.slice(kept);
}

function endOfText(text: string, quote: number): number {
  let end = text.indexOf('"', quote + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** Visits all strings of a value, without recursion, because the sender chooses the nesting. */
function replaceTexts(value: unknown, replace: (text: string) => unknown): unknown {
  if (typeof value === 'string') return replace(value);
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const container = rest.pop();
    if (Array.isArray(container)) {
      for (let at = 0; at < container.length; at += 1) {
        const one: unknown = container[at];
        if (typeof one === 'string') container[at] = replace(one);
        else if (typeof one === 'object' && one !== null) rest.push(one);
      }
    } else if (typeof container === 'object' && container !== null) {
      const map = container as Record<string, unknown>;
      for (const key in map) {
        const one = map[key];
        if (typeof one === 'string') map[key] = replace(one);
        else if (typeof one === 'object' && one !== null) rest.push(one);
      }
    }
  }
  return value;
}
