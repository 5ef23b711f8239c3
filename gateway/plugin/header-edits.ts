import { fieldName } from '../../base/http/field.ts';
import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import { type Schema, s } from '../../base/schema/schema.ts';
import { EvaluationError, type Expression, StepLimitExceeded } from '../expression/index.ts';
import type { Exchange } from '../request/exchange.ts';
import { foldName } from '../request/header-names.ts';
import type { CompileExpression } from './plugin.ts';

/** A fixed string, or an expression that returns one for each request. */
export type HeaderValue = string | { readonly expression: string };

export type HeaderValues = Readonly<Record<string, HeaderValue>>;

/** Why an expression returned no value for a request. Only for the log. */
export interface NoValue {
  readonly why: string;
}

/** A header with a fixed value, or one that is evaluated for each request. */
export interface CompiledHeader {
  readonly name: string;
  readonly read: (exchange: Exchange) => string | NoValue;
}

/** Programs disagree whether header values beyond ASCII are Latin-1 or UTF-8. */
const plainText = /^[\t\x20-\x7e]*$/;
const maxValueCharacters = 8_192;

/**
 * Declares an option that is the name of a header.
 *
 * @param whyFixed says why the header cannot be changed; undefined if it can
 */
export function headerName(whyFixed: (name: string) => string | undefined): Schema<string> {
  return s.refine(s.string({ max: 128 }), function changeable(name) {
    if (!fieldName.test(name)) return 'expected a header name';
    const why = whyFixed(name);
    return why === undefined ? undefined : `${name} cannot be changed: ${why}`;
  });
}

/** Declares an option that maps names of headers to values. */
export function headerValues(name: Schema<string>): Schema<HeaderValues> {
  const value = s.either(s.string({ min: 0 }), s.object({ expression: s.string() }));
  return s.withDefault(s.refine(s.map(name, value), repeatedName), {});
}

function repeatedName(values: HeaderValues): string | undefined {
  const earlier = new Map<string, string>();
  for (const name of Object.keys(values)) {
    const folded = foldName(name);
    const other = earlier.get(folded);
    if (other !== undefined) return `${other} and ${name} are the same name to many servers; keep one`;
    earlier.set(folded, name);
  }
  return undefined;
}

/**
 * Compiles the headers in the option `option`, in the order of the file.
 *
 * @throws ConfigurationError for a string that cannot be sent, or an expression that does not compile
 */
export function compileHeaders(
  option: string,
  values: HeaderValues,
  compile: CompileExpression,
): Promise<readonly CompiledHeader[]> {
  return Promise.all(
    Object.entries(values).map(async function compileHeader([name, value]): Promise<CompiledHeader> {
      if (typeof value !== 'string') {
        const expression = await compile(value.expression, 'text', [option, name, 'expression']);
        return { name, read: (exchange) => evaluate(expression, exchange) };
      }
      const why = problemOf(value);
      // The value may be a credential of the target.
      if (why !== undefined) throw new ConfigurationError(why, [option, name], undefined, 'config:value');
      return { name, read: () => value };
    }),
  );
}

function evaluate(expression: Expression<Exchange, string>, exchange: Exchange): string | NoValue {
  try {
    const text = expression(exchange);
    const why = problemOf(text);
    return why === undefined ? text : { why };
  } catch (error) {
    if (error instanceof EvaluationError || error instanceof StepLimitExceeded) return { why: error.message };
    throw error;
  }
}

function problemOf(text: string): string | undefined {
  if (text.length > maxValueCharacters)
    return `the value has ${text.length} characters, the limit is ${maxValueCharacters}`;
  return plainText.test(text)
    ? undefined
    : 'the value has characters other than printable ASCII, spaces and tabs';
}
