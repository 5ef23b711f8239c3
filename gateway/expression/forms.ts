/** Why nothing can ever equal a literal, and what to write instead. */
export interface Never {
  readonly message: string;
  readonly hint?: string | undefined;
  /** A request can equal it, but hardly as it is meant: only worth a warning. */
  readonly seldom?: true;
}

export type Where = 'startsWith' | 'endsWith' | 'contains';

/** The closed form that all values of a name have: a literal outside of it is a mistake, and under `!` an open door. */
export interface Form {
  /** What is wrong with a literal that is compared with the value; undefined when a request can have it. */
  readonly whole: (literal: unknown) => Never | undefined;
  /** Of a literal that the value is asked to begin with, end with or contain. */
  readonly part?: (literal: string, where: Where) => Never | undefined;
}

export const writeText = (text: string) => `write ${quote(text)}`;

/** What characters never occur, and what they become. */
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

/** A literal as a whole is judged as a part too, unless `whole` says what is wrong with it. */
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
  characters('what lowerAscii gives', /[A-Z]/, (text) =>
    text.replace(/[A-Z]+/g, (part) => part.toLowerCase()),
  ),
);

export const upperForm = textForm(
  characters('what upperAscii gives', /[a-z]/, (text) =>
    text.replace(/[a-z]+/g, (part) => part.toUpperCase()),
  ),
);

/** Integers of a closed range, such as the hours of a day. */
export function rangeForm(what: string, least: number, most: number): Form {
  return {
    whole(literal) {
      if (typeof literal !== 'bigint' && typeof literal !== 'number') return undefined;
      if (literal >= least && literal <= most) return undefined;
      return { message: `${what} is never ${literal}`, hint: `it is ${least} to ${most}` };
    },
  };
}

export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
