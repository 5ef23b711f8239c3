import { hopByHop } from './headers.ts';

/** The name of a field, which is a token (RFC 9110 sections 5.1 and 5.6.2). */
export const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The value of a field as bytes, one character each (RFC 9110 section 5.5): no control character except the tab. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The gateway sets these on each of its own answers. */
const reserved: ReadonlySet<string> = new Set([...hopByHop, 'content-length', 'x-request-id']);

/** Whether only the gateway sets this header, in any case, on an answer. */
export function isReserved(name: string): boolean {
  return reserved.has(name.toLowerCase());
}

/**
 * Checks headers made by a plugin: names and values in turn.
 *
 * @throws Error that names the header, never its value
 */
export function checkFields(headers: readonly unknown[]): void {
  if (headers.length % 2 !== 0)
    throw new Error(`a list of headers has ${headers.length} items; each name needs a value`);
  for (let at = 0; at < headers.length; at += 2) {
    checkField(headers[at], headers[at + 1]);
    const name = headers[at] as string;
    if (isReserved(name)) throw new Error(`the header ${name} is set by the gateway only`);
  }
}

/** @throws Error that names the header, never its value */
export function checkField(name: unknown, value: unknown): void {
  if (typeof name !== 'string' || !fieldName.test(name)) throw new Error('the name of a header is malformed');
  checkValue(name, value);
}

/** @throws Error that names the header, never its value */
export function checkValue(name: string, value: unknown): void {
  if (typeof value !== 'string' || !fieldValue.test(value))
    throw new Error(`the value of the header ${name} is malformed`);
}
