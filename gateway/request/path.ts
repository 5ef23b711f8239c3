import { pathRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';
import { isAuthority, type PathAllowance, readDeeply } from './path-depths.ts';

export { type PathAllowance, pathAllowances } from './path-depths.ts';

declare const canonical: unique symbol;

/** A path in canonical form, which is matched, decided on and forwarded. Only `canonicalize` makes one. */
export type CanonicalPath = string & { readonly [canonical]: true };

/** The parts of a request target. `needs` lists what the route must allow to accept the path. */
export interface Target {
  readonly path: CanonicalPath;
  /** The same path in the client's encoding. */
  readonly rawPath: string;
  /** The part after the first `?`, byte for byte; undefined if there is no `?`. */
  readonly query: string | undefined;
  readonly needs: readonly PathAllowance[];
}

const maxTargetBytes = 16_384;
const maxSegments = 256;
const segmentStart = /\/|%2F/i;
const noNeeds: readonly PathAllowance[] = Object.freeze([]);

/** Segments of literal characters (RFC 3986 section 3.3) without `;` that do not end in a dot: nothing to rewrite. */
const plain = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,=:@]+(?<!\.))+\/?$/;
const queryBytes = /^[\x21\x22\x24-\x7e]*$/;

/**
 * Splits a request target in origin-form (RFC 9112 section 3.2.1) and returns its path in canonical form: characters that may be
 * literal in a segment (`pchar`, RFC 3986 section 3.3) are decoded once, and the hex digits of all other encodings are in
 * upper case.
 *
 * Nothing is resolved or merged. A path that another program might read differently, by decoding again, by cutting at `;`, `?` or
 * `#`, or by dropping final dots and blanks, is refused, or listed in `needs` if a route may allow it.
 *
 * @returns the parts, or the refusal
 */
export function canonicalize(target: string): Target | Refusal {
  if (target.length > maxTargetBytes)
    return pathRefusals['too-long'](`${target.length} characters, the limit is ${maxTargetBytes}`);
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? undefined : target.slice(mark + 1);
  if (rawPath.length > maxSegments && rawPath.split(segmentStart, maxSegments + 2).length > maxSegments + 1)
    return pathRefusals['too-many-segments'](`more than ${maxSegments}`);
  if (query !== undefined && !queryBytes.test(query)) return pathRefusals['bad-character']('in the query');
  if (rawPath === '/' || plain.test(rawPath))
    return { path: rawPath as CanonicalPath, rawPath, query, needs: noNeeds };
  if (!rawPath.startsWith('/'))
    return pathRefusals['not-origin-form'](`it begins with ${JSON.stringify(rawPath.slice(0, 8))}`);
  const path = decodeLiterals(rawPath);
  if (typeof path !== 'string') return path;
  const needs = readDeeply(path);
  if ('kind' in needs) return needs;
  return { path: path as CanonicalPath, rawPath, query, needs };
}

/** A refusal if the allowances do not cover `needs`; otherwise undefined. */
export function refuseUnallowed(
  needs: readonly PathAllowance[],
  allowed: readonly PathAllowance[],
): Refusal | undefined {
  for (const need of needs)
    if (!allowed.includes(need)) return refusalOf[need](`a route can allow it with ${need} in pathAllows`);
  return undefined;
}

const refusalOf = {
  '%2F': pathRefusals['encoded-slash'],
  '%25': pathRefusals['double-encoding'],
  ';': pathRefusals.parameter,
  '//': pathRefusals['empty-segment'],
  '.': pathRefusals['trailing-dot'],
} as const;

/** Refuses a target whose path some program would read as a host and a path. No allowance covers that. */
export function refuseAuthority(target: string): Refusal | undefined {
  return isAuthority(target.split('?', 1)[0] as string)
    ? pathRefusals['empty-segment']('the target would get a path that begins with two slashes')
    : undefined;
}

/** The part of `rawPath` after the first `length` characters of its canonical form. */
export function rawRest(rawPath: string, length: number): string {
  let at = 0;
  for (let taken = 0; taken < length; ) {
    const encoded = rawPath[at] === '%';
    taken += encoded ? literal(rawPath.slice(at, at + 3)).length : 1;
    at += encoded ? 3 : 1;
  }
  return rawPath.slice(at);
}

const wrongCharacter = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/;
const brokenEncoding = /%(?![0-9A-Fa-f]{2})/;
const encoding = /%[0-9A-Fa-f]{2}/g;

/** The canonical form of each byte: itself if it may be literal, otherwise its encoding. */
const literals: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9\-._~!$&'()*+,;=:@]/.test(character)
    ? character
    : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function literal(encoded: string): string {
  return literals[Number.parseInt(encoded.slice(1), 16)] as string;
}

function decodeLiterals(rawPath: string): string | Refusal {
  const wrong = rawPath.search(wrongCharacter);
  if (wrong >= 0)
    return pathRefusals[rawPath[wrong] === '\\' ? 'backslash' : 'bad-character'](
      `${JSON.stringify(rawPath[wrong])} at ${wrong}`,
    );
  const broken = rawPath.search(brokenEncoding);
  if (broken >= 0) return pathRefusals['bad-encoding'](`% without two hex digits at ${broken}`);
  return rawPath.replace(encoding, literal);
}
