import { pathRefusals } from './refusal.ts';
import type { Refusal } from './verdict.ts';

declare const canonical: unique symbol;

/** A path in the one form that is matched, decided on and forwarded. Only `canonicalize` makes one. */
export type CanonicalPath = string & { readonly [canonical]: true };

/** Irregularities that a route may allow in its paths, because applications exist that need them. */
export const pathAllowances = ['%2F', ';', '//'] as const;
export type PathAllowance = (typeof pathAllowances)[number];

/** A request target taken apart; what the route must allow for the path to be taken is listed in `needs`. */
export interface Target {
  readonly path: CanonicalPath;
  /** What follows the first `?`, byte for byte; undefined without one. */
  readonly query: string | undefined;
  readonly needs: readonly PathAllowance[];
}

const maxTargetBytes = 16_384;
const maxSegments = 256;
const segmentStart = /\/|%2F/i;
const noNeeds: readonly PathAllowance[] = Object.freeze([]);

/** Segments of plain characters (RFC 3986 section 3.3, less `;`) that cannot spell a dot segment: nothing to rewrite. */
const plain = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,=:@]+)+\/?$/;
const queryBytes = /^[\x21\x22\x24-\x7e]*$/;

/**
 * Takes a request target in origin-form (RFC 9112 section 3.2.1) apart and gives its path in canonical form: percent-encoded
 * unreserved characters decoded and the hex digits of the others in upper case (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
 *
 * Nothing is ever resolved or merged: what another program might read differently is refused. Encoded slashes, path
 * parameters and empty segments are refused unless the route allows them; they are given in `needs`.
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
    return { path: rawPath as CanonicalPath, query, needs: noNeeds };
  if (!rawPath.startsWith('/'))
    return pathRefusals['not-origin-form'](`it begins with ${JSON.stringify(rawPath.slice(0, 8))}`);
  return canonicalizeSlowly(rawPath, query);
}

/** What of `needs` the allowances do not cover, as a refusal; undefined when all is allowed. */
export function refuseUnallowed(
  needs: readonly PathAllowance[],
  allowed: readonly PathAllowance[],
): Refusal | undefined {
  for (const need of needs)
    if (!allowed.includes(need)) return refusalOf[need]('the route may allow it with pathAllows');
  return undefined;
}

const refusalOf = {
  '%2F': pathRefusals['encoded-slash'],
  ';': pathRefusals.parameter,
  '//': pathRefusals['empty-segment'],
} as const;

const pchar = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]$/;
const unreserved = /^[A-Za-z0-9\-._~]$/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

function canonicalizeSlowly(rawPath: string, query: string | undefined): Target | Refusal {
  const needs = new Set<PathAllowance>();
  let path = '';
  const encoded: number[] = [];
  for (let at = 0; at < rawPath.length; at += 1) {
    const character = rawPath[at] as string;
    if (character === '%') {
      const hex = rawPath.slice(at + 1, at + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(hex))
        return pathRefusals['bad-encoding'](`% without two hex digits at ${at}`);
      const byte = Number.parseInt(hex, 16);
      encoded.push(byte);
      const decoded = String.fromCharCode(byte);
      if (byte < 0x20 || byte === 0x7f)
        return pathRefusals['bad-character'](`an encoded control character at ${at}`);
      if (decoded === '\\') return pathRefusals.backslash(`encoded, at ${at}`);
      if (decoded === '/') needs.add('%2F');
      if (decoded === ';') needs.add(';');
      path += unreserved.test(decoded) ? decoded : `%${hex.toUpperCase()}`;
      at += 2;
      continue;
    }
    if (character === '\\') return pathRefusals.backslash(`at ${at}`);
    if (character !== '/' && !pchar.test(character)) return pathRefusals['bad-character'](`at ${at}`);
    if (character === ';') needs.add(';');
    path += character;
  }
  if (!isUtf8(encoded, rawPath)) return pathRefusals['bad-encoding']('the bytes are not UTF-8');
  if (path.includes('//')) needs.add('//');
  if (path.split(/\/|%2F/).some(isDotSegment)) return pathRefusals['dot-segment']();
  return { path: path as CanonicalPath, query, needs: [...needs] };
}

/** A dot segment also when a path parameter follows it: some servers cut parameters off before they resolve. */
function isDotSegment(segment: string): boolean {
  const name = segment.split(/;|%3B/, 1)[0];
  return name === '.' || name === '..';
}

/** An overlong or broken sequence is one that two decoders can read differently. */
function isUtf8(encoded: readonly number[], rawPath: string): boolean {
  if (encoded.every((byte) => byte < 0x80)) return true;
  const bytes: number[] = [];
  for (let at = 0; at < rawPath.length; at += 1) {
    if (rawPath[at] === '%') {
      bytes.push(Number.parseInt(rawPath.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(rawPath.charCodeAt(at));
  }
  try {
    utf8.decode(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}
