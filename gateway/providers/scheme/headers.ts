import { findHeader } from '../../../base/http/headers.ts';
import { MalformedSignature } from '../provider.ts';

/**
 * The value of a header; undefined if it is missing. `name` is in lower case.
 *
 * Lines of one name are joined by a comma, as API Gateway joins them before a function sees them. So the provider's grammar decides
 * on every host in the same way: a comma that it does not allow refuses.
 */
export function headerLine(headers: readonly string[], name: string): string | undefined {
  return findHeader(headers, name, ',');
}

/** Visible ASCII without a comma, which would mean two joined lines. */
const idForm = /^[\x21-\x2b\x2d-\x7e]{1,256}$/;
/** The same with single spaces inside, as in GitLab's `Push Hook`. */
const eventForm = /^(?=.{1,256}$)[\x21-\x2b\x2d-\x7e]+(?: [\x21-\x2b\x2d-\x7e]+)*$/;

/** The id of a delivery; undefined if the header is missing. @throws MalformedSignature */
export function readId(headers: readonly string[], name: string): string | undefined {
  return inForm(headers, name, idForm);
}

/** The kind of event; undefined if the header is missing. @throws MalformedSignature */
export function readEvent(headers: readonly string[], name: string): string | undefined {
  return inForm(headers, name, eventForm);
}

function inForm(headers: readonly string[], name: string, form: RegExp): string | undefined {
  const value = headerLine(headers, name);
  if (value !== undefined && !form.test(value))
    throw new MalformedSignature(
      `${name} is empty, repeated, too long, or has a character that is not allowed`,
    );
  return value;
}

/** @throws MalformedSignature if the header is missing */
export function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new MalformedSignature(`${name} is missing`);
  return value;
}

/**
 * The format of a time: one spelling of fixed length, so that it cannot be split differently from its neighbours in the signed text.
 * These times range from 2001 to 2286.
 */
const timeForms = { 1000: /^[1-9][0-9]{9}$/, 1: /^[1-9][0-9]{12}$/ } as const;

export type TimeUnitMs = keyof typeof timeForms;

/** A header with seconds (`unitMs` 1000) or milliseconds (1) since the epoch, as text. @throws MalformedSignature */
export function readTime(headers: readonly string[], name: string, unitMs: TimeUnitMs): string {
  const text = required(headerLine(headers, name), name);
  if (!timeForms[unitMs].test(text))
    throw new MalformedSignature(
      `${name} is not one time since the epoch, of ${unitMs === 1000 ? 10 : 13} digits`,
    );
  return text;
}

/** No provider sends more than a few. */
const mostSignatures = 8;

/** Splits a header that may carry several signatures. @throws MalformedSignature */
export function signaturesIn(value: string, name: string, separator: string | RegExp): readonly string[] {
  const all = value.split(separator, mostSignatures + 1);
  if (all.length > mostSignatures)
    throw new MalformedSignature(`${name} has more than ${mostSignatures} signatures`);
  return all;
}
