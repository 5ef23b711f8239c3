import type { ExpressionContext, Steps } from './context.ts';
import type { Form } from './forms.ts';
import type { Type } from './types.ts';

/** The JavaScript value that a field reads, by its CEL type. A list or a map has values of expressions; see Kind. */
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
  /** Undefined while it is not known. @throws EvaluationError saying why it cannot be read */
  read(context: Context, steps: Steps): unknown;
}

/** A name with fields. Only the fields are values. */
export interface FieldGroup<Context> {
  readonly fields: Readonly<Record<string, Field<Context>>>;
}

/** What an expression can name: values, and groups of them. */
export type Names<Context> = Readonly<Record<string, Field<Context> | FieldGroup<Context>>>;

/** Names whose context the compiler does not look into. */
export type AnyNames = Names<ExpressionContext>;

/** Declares a value: its CEL type, what it means, and how it is read from the context. */
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
 * Joins the names that several contribute.
 *
 * @param contributions pairs of who contributes, for the message, and the names
 * @throws Error when two contribute the same name: an expression could mean either
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
