import { pathRefusals } from './refusal.ts';
import type { Refusal } from './verdict.ts';

/**
 * Irregularities that a route may allow in its paths, because applications exist that need them: an encoded slash, an
 * encoding of an encoding, a path parameter, an empty segment, a segment that ends in a dot or a blank.
 */
export const pathAllowances = ['%2F', '%25', ';', '//', '.'] as const;
export type PathAllowance = (typeof pathAllowances)[number];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const percent = 0x25;
const slash = 0x2f;

/**
 * Reads a path as programs do that decode it once, twice or as often as it goes, and says what a route must allow for it.
 *
 * Decoding further only ever adds slashes, dots and parameters, so the path decoded to the end shows all that any depth does.
 */
export function readDeeply(path: string): readonly PathAllowance[] | Refusal {
  const needs = new Set<PathAllowance>();
  const once = decodeOnce(path);
  const text = textOf(decodeAll(once, needs));
  if (text === undefined || textOf(once) === undefined)
    return pathRefusals['bad-encoding']('the bytes are not UTF-8');
  if (/[\u0000-\u001f\u007f]/.test(text))
    return pathRefusals['bad-character']('an encoded control character');
  if (text.includes('\\')) return pathRefusals.backslash('encoded');
  // The servers of old Windows versions decode it to one character.
  if (/%u[0-9A-Fa-f]{4}/.test(text)) return pathRefusals['bad-encoding']('%u is not an encoding of URLs');
  if (path.includes('%2F')) needs.add('%2F');
  if (text.includes(';')) needs.add(';');
  return readSegments(text, needs);
}

function decodeOnce(path: string): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < path.length; at += 1) {
    if (path[at] === '%') {
      bytes.push(Number.parseInt(path.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(path.charCodeAt(at));
  }
  return bytes;
}

/** Decodes until nothing is left to decode, in one pass: a decoded character may complete an encoding that began before it. */
function decodeAll(bytes: readonly number[], needs: Set<PathAllowance>): number[] {
  const done: number[] = [];
  for (const byte of bytes) {
    done.push(byte);
    for (let value = lastEncoded(done); value !== undefined; value = lastEncoded(done)) {
      needs.add(value === slash ? '%2F' : '%25');
      done.length -= 3;
      done.push(value);
    }
  }
  return done;
}

function lastEncoded(bytes: readonly number[]): number | undefined {
  const { length } = bytes;
  if (bytes[length - 3] !== percent) return undefined;
  const high = hexValue(bytes[length - 2] as number);
  const low = hexValue(bytes[length - 1] as number);
  return high === undefined || low === undefined ? undefined : high * 16 + low;
}

function hexValue(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}

/** Undefined for an overlong or broken sequence, which two decoders can read differently. */
function textOf(bytes: readonly number[]): string | undefined {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Looks at each segment as what cuts parameters, queries and fragments off would (`..;x`, `..?`), as what drops final dots
 * and blanks would (Windows: `admin.`, `...`), and in Unicode's compatibility form (fullwidth dots and slashes).
 */
function readSegments(text: string, needs: Set<PathAllowance>): readonly PathAllowance[] | Refusal {
  const wide = /[^\u0000-\u007f]/.test(text) ? text.normalize('NFKC') : text;
  for (const segment of wide.split(/[/\\]/)) {
    const name = segment.split(/[;?#]/, 1)[0] as string;
    if (/^[. ]*\.[. ]*$/.test(name)) return pathRefusals['dot-segment']();
    if (/[. ]$/.test(name) || /[. ]$/.test(segment)) needs.add('.');
  }
  const segments = text.split('/');
  for (let at = 1; at < segments.length; at += 1) {
    const segment = segments[at] as string;
    const isLast = at === segments.length - 1;
    if (segment === '' ? !isLast : segment.startsWith(';')) needs.add('//');
  }
  return [...needs];
}
