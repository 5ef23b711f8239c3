import { unescapeText } from './literals.ts';
import { type Span, sourceError } from './source-error.ts';

type Value =
  | { readonly type: 'name'; readonly text: string }
  | { readonly type: 'operator'; readonly text: string }
  /** Digits without a sign. The range of an integer can be checked only with its sign. */
  | { readonly type: 'int'; readonly text: string; readonly value: bigint }
  | { readonly type: 'double'; readonly text: string; readonly value: number }
  | { readonly type: 'string'; readonly text: string; readonly value: string }
  | { readonly type: 'end'; readonly text: '' };

export type Token = Span & Value;

const blank = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const word = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const number = /0[xX][0-9a-fA-F]+|(?:[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)|[0-9]+/y;
const afterNumber = /[_a-zA-Z0-9]+/y;
const quoted = /(?:[rR][bB]?|[bB][rR]?)?("""|'''|"|')/y;
const quotedField = /`([a-zA-Z0-9_.\-/ ]+)`/y;
const operator = /&&|\|\||[=!<>]=|[-+*/%<>!?:.,()[\]{}]/y;

/** Syntax of other languages, and what CEL has instead. */
const foreign: readonly (readonly [pattern: RegExp, message: string, hint: string])[] = [
  [/===?/y, '=== is not an operator', 'write =='],
  [/!==/y, '!== is not an operator', 'write !='],
  [/=>|->/y, 'arrow functions are not supported', "write a macro such as list.exists(item, item == 'x')"],
  [/=~|~=?/y, 'operators for patterns are not supported', "write text.matches('pattern')"],
  [/=/y, '= is not an operator', 'write == to compare'],
  [/<>/y, '<> is not an operator', 'write !='],
  [/&/y, '& is not an operator', 'write &&'],
  [/\|/y, '| is not an operator', 'write ||'],
  [/[‘’“”„«»]/y, 'this quotation mark does not start a string', `write ' or "`],
  [/;/y, '; is not allowed in an expression', 'join conditions with && or ||'],
  [/#.*/y, '# does not start a comment', 'write //'],
  [/\$\{?/y, 'placeholders are not supported', 'write only the name, such as webhook.event'],
];

/** Splits the source of an expression into tokens. @throws ConfigurationError with line and caret */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(source);
  }

  function fail(end: number, message: string, hint?: string): Error {
    return sourceError(source, { start: at, end }, message, hint);
  }

  function push(value: Value, end: number): void {
    tokens.push({ ...value, start: at, end });
    at = end;
  }

  for (;;) {
    at += take(blank)?.[0].length ?? 0;
    if (at >= source.length) {
      push({ type: 'end', text: '' }, at);
      return tokens;
    }
    const foreignSpelling = foreign.find(([pattern]) => take(pattern) !== null);
    const quote = take(quoted);
    const digits = take(number);
    if (quote !== null) readText(quote);
    else if (digits !== null && !(tokens.at(-1)?.text === '.' && digits[0].startsWith('.')))
      readNumber(digits[0]);
    else if (take(word) !== null) push({ type: 'name', text: take(word)?.[0] as string }, word.lastIndex);
    else if (tokens.at(-1)?.text === '.' && take(quotedField) !== null)
      push({ type: 'name', text: take(quotedField)?.[1] as string }, quotedField.lastIndex);
    else if (foreignSpelling !== undefined && !isOperator(foreignSpelling[0])) {
      const [pattern, message, hint] = foreignSpelling;
      throw fail(at + (take(pattern)?.[0].length ?? 1), message, hint);
    } else {
      const found = take(operator)?.[0];
      if (found === undefined) {
        const character = String.fromCodePoint(source.codePointAt(at) as number);
        throw fail(at + character.length, `unexpected character ${JSON.stringify(character)}`);
      }
      push({ type: 'operator', text: found }, at + found.length);
    }
  }

  /** `===` begins with `==`; the longest operator counts. */
  function isOperator(pattern: RegExp): boolean {
    return (take(operator)?.[0].length ?? 0) >= (take(pattern)?.[0].length ?? 0);
  }

  function readNumber(text: string): void {
    const end = at + text.length;
    afterNumber.lastIndex = end;
    const rest = afterNumber.exec(source)?.[0];
    if (rest !== undefined) {
      if (/^[uU]$/.test(rest)) throw fail(end + 1, 'unsigned integers are not supported', `write ${text}`);
      const hint = /^(?:ns|us|ms|s|m|h)$/.test(rest) ? `write duration('${text}${rest}')` : undefined;
      throw fail(end + rest.length, `${text}${rest} is not a number`, hint);
    }
    if (/^[0-9]+$|^0[xX]/.test(text)) return push({ type: 'int', text, value: BigInt(text) }, end);
    const value = Number(text);
    if (!Number.isFinite(value)) throw fail(end, `${text.slice(0, 32)} is too large for a double`);
    push({ type: 'double', text, value }, end);
  }

  function readText([opening, mark = '']: RegExpExecArray): void {
    const prefix = opening.slice(0, opening.length - mark.length).toLowerCase();
    const start = at + opening.length;
    const raw = prefix.includes('r');
    let close = start;
    while (close < source.length && !source.startsWith(mark, close)) {
      if (mark.length === 1 && /[\n\r]/.test(source[close] as string)) break;
      close += !raw && source[close] === '\\' ? 2 : 1;
    }
    if (!source.startsWith(mark, close))
      throw fail(Math.min(close, source.length), `the string has no closing ${mark}`);
    const end = close + mark.length;
    if (prefix.includes('b'))
      throw fail(end, 'bytes are not supported', 'write a string without the b before it');
    const inner = source.slice(start, close);
    try {
      push({ type: 'string', text: source.slice(at, end), value: raw ? inner : unescapeText(inner) }, end);
    } catch (error) {
      throw fail(
        end,
        (error as Error).message,
        "write \\\\ for a backslash, or r'…' for a string without escapes",
      );
    }
  }
}
