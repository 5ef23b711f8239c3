import type { ExpressionContext, Steps } from './context.ts';
import type { Form } from './forms.ts';
import type { Type } from './types.ts';

/** The JavaScript value that a field returns, by its CEL type. Lists and maps contain values of expressions; see Kind. */
interface ValuesRead {
  readonly bool: boolean;
  readonly int: bigint;
  readonly double: number;
  readonly string: string;
  readonly timestamp: Date;
}

type ValueOf<T extends Type> = T extends keyof ValuesRead ? ValuesRead[T] : unknown;

/** The closed form of a field's values, or of a map's keys. */
export interface Forms {
  readonly form?: Form;
  readonly keyForm?: Form;
}

/** A value that expressions can read from their context. */
export interface Field<Context> extends Forms {
  readonly type: Type;
  /** What it means, for docs/expressions.md. */
  readonly about: string;
  /** Undefined while the value is unknown. @throws EvaluationError saying why it cannot be read */
  read(context: Context, steps: Steps): unknown;
}

/** A name with fields, which is not a value itself. */
export interface FieldGroup<Context> {
  readonly fields: Readonly<Record<string, Field<Context>>>;
}

/** The names that an expression can use: values, and groups of them. */
export type Names<Context> = Readonly<Record<string, Field<Context> | FieldGroup<Context>>>;

/** Names with any context. */
export type AnyNames = Names<ExpressionContext>;

/** Declares a value: its CEL type, its description, and how to read it from the context. */
export function field<Context, const T extends Type>(
  type: T,
  about: string,
  read: (context: Context, steps: Steps) => ValueOf<T> | undefined,
  forms?: Forms,
): Field<Context> {
  return { type, about, read, ...forms };
}

export function isGroup<Context>(name: Field<Context> | FieldGroup<Context>): name is FieldGroup<Context> {
  return 'fields' in name;
}

/**
 * Joins the names that several contributors add.
 *
 * @param contributions pairs of a contributor, for the message, and its names
 * @throws Error if two contribute the same name, which would be ambiguous
 */
export function joinNames<Context>(
  contributions: readonly (readonly [by: string, names: Names<Context>])[],
): Names<Context> {
  const joined: Record<string, Field<Context> | FieldGroup<Context>> = {};
  const contributors = new Map<string, string>();
  for (const [by, names] of contributions)
    for (const [name, named] of Object.entries(names)) {
      const earlier = contributors.get(name);
      if (earlier !== undefined)
        throw new Error(`${earlier} and ${by} both contribute the name ${JSON.stringify(name)}; rename one`);
      contributors.set(name, by);
      joined[name] = named;
    }
  return joined;
}
