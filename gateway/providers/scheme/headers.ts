import { MalformedSignature } from '../provider.ts';

/**
 * The value of a header, or undefined; `name` in lower case.
 *
 * A header that is there twice is refused: the target may read the other one than was verified.
 *
 * @throws MalformedSignature
 */
export function onlyHeader(headers: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const candidate = headers[at] as string;
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    if (value !== undefined) throw new MalformedSignature(`${name} is there more than once`);
    value = headers[at + 1] as string;
  }
  return value;
}

/** @throws MalformedSignature */
export function requiredHeader(headers: readonly string[], name: string): string {
  const value = onlyHeader(headers, name);
  if (value === undefined || value === '') throw new MalformedSignature(`${name} is missing`);
  return value;
}

const wholeNumber = /^[0-9]{1,13}$/;

/** A header with seconds (`unitMs` 1000) or milliseconds (1) since the epoch. @throws MalformedSignature */
export function parseTimestampMs(text: string, name: string, unitMs: 1 | 1000): number {
  if (!wholeNumber.test(text)) throw new MalformedSignature(`${name} is no whole number since the epoch`);
  return Number(text) * unitMs;
}

/** No provider sends more than a few, while each that is tried costs time. */
const mostSignatures = 16;

/** Splits a header that may carry several signatures. @throws MalformedSignature */
export function signaturesIn(value: string, name: string, separator: string | RegExp): readonly string[] {
  const all = value.split(separator, mostSignatures + 1);
  if (all.length > mostSignatures)
    throw new MalformedSignature(`${name} has more than ${mostSignatures} signatures`);
  return all;
}
