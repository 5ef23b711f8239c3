const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

const escapeSequence =
  /\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))/g;

/**
 * The content of a string literal, with its escapes resolved (CEL's language definition, string and bytes values).
 *
 * @throws Error saying what is wrong with an escape
 */
export function unescapeText(raw: string): string {
  return raw.replace(
    escapeSequence,
    (whole: string, hex?: string, short?: string, long?: string, octal?: string, simple?: string) => {
      const digits = hex ?? short ?? long;
      if (digits !== undefined) return codePoint(Number.parseInt(digits, 16), whole);
      if (octal !== undefined) return codePoint(Number.parseInt(octal, 8), whole);
      const character = Object.hasOwn(escapes, simple ?? '') ? escapes[simple ?? ''] : undefined;
      if (character === undefined) throw new Error(`${whole} is not an escape`);
      return character;
    },
  );
}

function codePoint(value: number, whole: string): string {
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    throw new Error(`${whole} is not a Unicode character`);
  return String.fromCodePoint(value);
}
