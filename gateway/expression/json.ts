import { isUtf8 } from 'node:buffer';
import { EvaluationError } from './errors.ts';

/** Integers from here on may not be representable as doubles. */
const longInteger = /[0-9]{16}/;
const integer = /^-?[0-9]+$/;
const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;

/**
 * Parses a JSON body (RFC 8259) for expressions.
 *
 * Numbers are doubles, as CEL reads JSON, but an integer that no double holds becomes an int, so that two ids that
 * differ in the last digit stay different. V8 parses without recursion, so no nesting overflows the stack.
 *
 * @throws EvaluationError when the body is not JSON in UTF-8
 */
export function parseJson(body: Uint8Array): unknown {
  if (!isUtf8(body)) throw new EvaluationError('the body is not UTF-8');
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  try {
    return longInteger.test(text) ? JSON.parse(text, keepInteger) : JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the body, and a stack that a reviver overflowed says nothing.
    const why = error instanceof RangeError ? 'is nested too deeply' : 'is not JSON';
    throw new EvaluationError(`the body ${why}`);
  }
}

function keepInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  if (source.length > 20 || !integer.test(source)) return value;
  const exact = BigInt(source);
  return exact >= least && exact <= most ? exact : value;
}
