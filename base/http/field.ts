import { hopByHop } from './headers.ts';

/** The name of a field, which is a token (RFC 9110 sections 5.1 and 5.6.2). */
export const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A value of a field as bytes, one character each (RFC 9110 section 5.5): no control character but the tab. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Set by the gateway for each of its own answers. */
const reserved: ReadonlySet<string> = new Set([...hopByHop, 'content-length', 'x-request-id']);

/**
 * Checks headers that a plugin made: names and values, flat.
 *
 * @throws Error that names the header and never its value
 */
export function checkFields(headers: readonly unknown[]): void {
  if (headers.length % 2 !== 0)
    throw new Error(`a list of headers has ${headers.length} items; each name needs a value`);
  for (let at = 0; at < headers.length; at += 2) {
    checkField(headers[at], headers[at + 1]);
    const name = headers[at] as string;
    if (reserved.has(name.toLowerCase())) throw new Error(`the header ${name} is the gateway's own to set`);
  }
}

/** @throws Error that names the header and never its value */
export function checkField(name: unknown, value: unknown): void {
  if (typeof name !== 'string' || !fieldName.test(name)) throw new Error('the name of a header is malformed');
  if (typeof value !== 'string' || !fieldValue.test(value))
    throw new Error(`the value of the header ${name} is malformed`);
}
