/** Why no value can equal a literal, and what to write instead. */
export interface Never {
  readonly message: string;
  readonly hint?: string | undefined;
  /** A value can equal it, but hardly as intended: a warning. */
  readonly seldom?: true;
}

export type Where = 'startsWith' | 'endsWith' | 'contains';

/** The closed form of all values of a name. A literal outside of it is a mistake, and under `!` it allows everything. */
export interface Form {
  /** What is wrong with a literal that is compared with the value; undefined if a request can have it. */
  readonly whole: (literal: unknown) => Never | undefined;
  /** The same for a literal that the value must begin with, end with or contain. */
  readonly part?: (literal: string, where: Where) => Never | undefined;
}

export const writeText = (text: string) => `write ${quote(text)}`;

/** Values without some characters, and their replacement. */
export function characters(what: string, never: RegExp, better: (text: string) => string) {
  return function outside(literal: string): Never | undefined {
    const found = never.exec(literal)?.[0];
    if (found === undefined) return undefined;
    const hint = better(literal);
    return {
      message: `${what} never contains ${quote(found)}`,
      hint: hint === literal ? undefined : writeText(hint),
    };
  };
}

/** A whole literal is also checked as a part, unless `whole` returns a problem. */
export function textForm(
  outside: (literal: string, where?: Where) => Never | undefined,
  whole?: (literal: string) => Never | undefined,
): Form {
  return {
    whole: (literal) => (typeof literal === 'string' ? (whole?.(literal) ?? outside(literal)) : undefined),
    part: outside,
  };
}

export const lowerForm = textForm(
  characters('the result of lowerAscii', /[A-Z]/, (text) =>
    text.replace(/[A-Z]+/g, (part) => part.toLowerCase()),
  ),
);

export const upperForm = textForm(
  characters('the result of upperAscii', /[a-z]/, (text) =>
    text.replace(/[a-z]+/g, (part) => part.toUpperCase()),
  ),
);

/** Integers in a closed range, such as the hours of a day. */
export function rangeForm(what: string, least: number, most: number): Form {
  return {
    whole(literal) {
      if (typeof literal !== 'bigint' && typeof literal !== 'number') return undefined;
      if (literal >= least && literal <= most) return undefined;
      return { message: `${what} is never ${literal}`, hint: `it is from ${least} to ${most}` };
    },
  };
}

export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
