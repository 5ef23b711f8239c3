import * as z from 'zod/mini';
import { maxTimerMs, parseDuration } from '../duration.ts';
import { problemsOf, type SchemaProblem } from './schema-problem.ts';
import { referenceExpected, referencePattern } from './secret-reference.ts';

/**
 * Declares the shape of options: what is accepted, what it becomes, and what it means.
 *
 * Only the functions of `s` make schemas; no other file knows the library behind them.
 */
export interface Schema<Output> {
  readonly _zod: { readonly output: Output };
}

type Shape = Readonly<Record<string, Schema<unknown>>>;
type Simplify<T> = { [Key in keyof T]: T[Key] };
type OutputOf<S> = S extends Schema<infer Output> ? Output : never;
type OptionalKeys<S extends Shape> = {
  [Key in keyof S]: undefined extends OutputOf<S[Key]> ? Key : never;
}[keyof S];
type ObjectOf<S extends Shape> = Simplify<
  { readonly [Key in Exclude<keyof S, OptionalKeys<S>>]: OutputOf<S[Key]> } & {
    readonly [Key in OptionalKeys<S>]?: Exclude<OutputOf<S[Key]>, undefined>;
  }
>;

export type Parsed<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly problems: readonly SchemaProblem[] };

const zod = <Output>(schema: Schema<Output>) => schema as unknown as z.ZodMiniType<Output>;
const own = <Output>(schema: unknown) => schema as Schema<Output>;

const sizeUnit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;
const sizePattern = /^(0|[1-9][0-9]{0,8})(B|KiB|MiB|GiB)$/;

/** A text that becomes another value. `pattern` is for editors; `convert` returns undefined for a text that is not accepted. */
function converted<Output>(
  pattern: RegExp,
  expected: string,
  convert: (text: string) => Output | undefined,
): Schema<Output> {
  return own(
    z.pipe(
      z.string(`expected ${expected}`).check(z.regex(pattern, `expected ${expected}`)),
      z.transform((text: string, context) => {
        const value = convert(text);
        if (value !== undefined) return value;
        context.issues.push({ code: 'custom', message: `expected ${expected}`, input: text });
        return z.NEVER;
      }),
    ),
  );
}

/** The functions that declare options. */
export const s = {
  string: (
    options: { min?: number; max?: number; pattern?: RegExp; message?: string } = {},
  ): Schema<string> => {
    const { min = 1, max = 4096, pattern, message } = options;
    const base = z.string(message).check(z.minLength(min, message), z.maxLength(max, message));
    return own(pattern === undefined ? base : base.check(z.regex(pattern, message)));
  },
  boolean: (): Schema<boolean> => own(z.boolean()),
  /** A whole number within inclusive bounds. */
  integer: (min: number, max: number): Schema<number> => own(z.int().check(z.gte(min), z.lte(max))),
  oneOf: <const Values extends readonly string[]>(values: Values): Schema<Values[number]> =>
    own(z.enum([...values])),
  list: <Item>(
    item: Schema<Item>,
    { min = 0, max = 10_000, tooFew }: { min?: number; max?: number; tooFew?: string } = {},
  ): Schema<readonly Item[]> => own(z.array(zod(item)).check(z.minLength(min, tooFew), z.maxLength(max))),
  /** One item or a list of them; becomes a list. */
  oneOrMore: <Item>(item: Schema<Item>): Schema<readonly Item[]> =>
    own(
      z.pipe(
        z.union([zod(item), z.array(zod(item)).check(z.minLength(1))]),
        z.transform((value: Item | Item[]) => (Array.isArray(value) ? value : [value])),
      ),
    ),
  /** One of two shapes. */
  either: <One, Other>(one: Schema<One>, other: Schema<Other>): Schema<One | Other> =>
    own(z.union([zod(one), zod(other)])),
  map: <Value>(key: Schema<string>, value: Schema<Value>): Schema<Readonly<Record<string, Value>>> =>
    own(z.record(zod(key) as z.ZodMiniType<string, string>, zod(value))),
  /** An object with exactly these keys. */
  object: <S extends Shape>(shape: S): Schema<ObjectOf<S>> => own(z.strictObject(shape as never)),
  /** One of several objects, distinguished by the value of one key. */
  variants: <Options extends readonly Schema<unknown>[]>(
    key: string,
    options: Options,
  ): Schema<OutputOf<Options[number]>> => own(z.discriminatedUnion(key, options as never)),
  literal: <const Value extends string>(value: Value): Schema<Value> => own(z.literal(value)),
  optional: <Value>(schema: Schema<Value>): Schema<Value | undefined> => own(z.optional(zod(schema))),
  withDefault: <Value>(schema: Schema<Value>, value: unknown): Schema<Value> =>
    own(z.prefault(zod(schema), value as never)),
  /**
   * A duration such as `5s`; becomes milliseconds. At most 24 days unless `max` says otherwise: most durations become timers, and a
   * longer timer fires at once.
   */
  duration: ({ min = 0, max = maxTimerMs }: { min?: number; max?: number } = {}): Schema<number> => {
    const bound = max === maxTimerMs ? ', at most 24d' : '';
    const expected = `a duration such as 250ms, 5s, 10m or 2h${bound}${min > 0 ? ', and not 0' : ''}`;
    return converted(/^[0-9]+(ms|s|m|h|d)$/, expected, (text) => {
      const ms = parseDuration(text);
      return ms === undefined || ms < min || ms > max ? undefined : ms;
    });
  },
  /** A size such as `64KiB`; becomes bytes. */
  size: (): Schema<number> =>
    converted(sizePattern, 'a size such as 512B, 64KiB or 10MiB', (text) => {
      const match = sizePattern.exec(text);
      return match === null ? undefined : Number(match[1]) * sizeUnit[match[2] as keyof typeof sizeUnit];
    }),
  /** A reference to a secret, never the secret itself. */
  secretReference: (): Schema<string> =>
    own(z.string(referenceExpected).check(z.regex(referencePattern, referenceExpected))),
  /** Any value, checked where it is used. */
  any: (): Schema<unknown> => own(z.unknown()),
  /** Says what an option means: shown by editors and in the reference. */
  describe: <Output>(schema: Schema<Output>, description: string): Schema<Output> =>
    own((zod(schema) as z.ZodMiniType).register(z.globalRegistry, { description }) as unknown),
  /** Accepts a value unless `check` returns a message. A message may belong to one key of an object. */
  refine: <Output>(
    schema: Schema<Output>,
    check: (value: Output) => string | { readonly key: string; readonly message: string } | undefined,
  ): Schema<Output> =>
    own(
      zod(schema).check((context) => {
        const found = check(context.value as Output);
        if (found === undefined) return;
        const { path, message } =
          typeof found === 'string'
            ? { path: [], message: found }
            : { path: [found.key], message: found.message };
        context.issues.push({ code: 'custom', message, path, input: context.value });
      }),
    ),
};

/** Parses a value into an output, or into problems. */
export function parse<Output>(schema: Schema<Output>, value: unknown): Parsed<Output> {
  const result = z.safeParse(zod(schema), value);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, problems: result.error.issues.flatMap(problemsOf) };
}

/** The JSON Schema (2020-12) of accepted values, for editors. */
export function jsonSchema(schema: Schema<unknown>): Record<string, unknown> {
  return z.toJSONSchema(zod(schema), { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
}
