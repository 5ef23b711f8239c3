import { isUtf8 } from 'node:buffer';
import { pathRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';

/**
 * Irregularities that a route may allow in its paths, because some applications need them: an encoded slash, an encoding of an
 * encoding, a path parameter, an empty segment, a segment that ends in a dot or a blank.
 */
export const pathAllowances = ['%2F', '%25', ';', '//', '.'] as const;
export type PathAllowance = (typeof pathAllowances)[number];

const percent = 0x25;
const slash = 0x2f;

/**
 * Reads a path as programs do that decode it once, twice or completely, and returns what a route must allow for it.
 *
 * Further decoding only adds slashes, dots and parameters, so the completely decoded path shows everything that any depth does.
 */
export function readDeeply(path: string): readonly PathAllowance[] | Refusal {
  const needs = new Set<PathAllowance>();
  const once = decodeOnce(path);
  const all = decodeAll(once, needs);
  // Two decoders can read an overlong or broken sequence differently.
  if (!isUtf8(once) || !isUtf8(all)) return pathRefusals['bad-encoding']('the bytes are not UTF-8');
  const text = all.toString('utf8');
  if (/[\u0000-\u001f\u007f]/.test(text))
    return pathRefusals['bad-character']('an encoded control character');
  if (text.includes('\\')) return pathRefusals.backslash('encoded');
  // The servers of old Windows versions decode it to one character.
  if (/%u[0-9A-Fa-f]{4}/.test(text)) return pathRefusals['bad-encoding']('%u is not an encoding of URLs');
  if (path.includes('%2F')) needs.add('%2F');
  if (text.includes(';')) needs.add(';');
  return readSegments(text, needs);
}

function decodeOnce(path: string): Buffer {
  const bytes = Buffer.allocUnsafe(path.length);
  let length = 0;
  for (let at = 0; at < path.length; at += 1) {
    let byte = path.charCodeAt(at);
    if (byte === percent) {
      byte = (hexValue(path.charCodeAt(at + 1)) << 4) | hexValue(path.charCodeAt(at + 2));
      at += 2;
    }
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}

/** Decodes completely, in one pass: a decoded character may complete an encoding that began before it. */
function decodeAll(once: Buffer, needs: Set<PathAllowance>): Buffer {
  if (!once.includes(percent)) return once;
  const done = Buffer.allocUnsafe(once.length);
  let length = 0;
  for (let at = 0; at < once.length; at += 1) {
    done[length] = once[at] as number;
    length += 1;
    for (let value = lastEncoded(done, length); value >= 0; value = lastEncoded(done, length)) {
      needs.add(value === slash ? '%2F' : '%25');
      length -= 2;
      done[length - 1] = value;
    }
  }
  return done.subarray(0, length);
}

/** The byte that the last three of `length` bytes encode; negative if they are not an encoding. */
function lastEncoded(bytes: Buffer, length: number): number {
  if (bytes[length - 3] !== percent) return -1;
  const high = hexValue(bytes[length - 2] as number);
  const low = hexValue(bytes[length - 1] as number);
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
}

/** Negative if it is not a hex digit. */
function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * The Unicode characters whose compatibility form (NFKC) has a dot, a slash or another character with a meaning in a path, or is
 * a blank. Compared one by one, because normalizing a text with many combining marks takes quadratic time.
 */
const lookalike =
  /[\u00a0\u037e\u2000-\u200a\u2024-\u2026\u202f\u2047-\u2049\u205f\u2100\u2101\u2105\u2106\u2488-\u249b\u3000\u33c2\u33c7\u33d8\ufe14\ufe16\ufe19\ufe30\ufe52\ufe54\ufe56\ufe5f\ufe68\ufe6a\uff03\uff05\uff0e\uff0f\uff1b\uff1f\uff3c\u{1f100}]/gu;

/**
 * Reads each segment like programs that cut off parameters, queries and fragments (`..;x`, `..?`), like programs that drop final
 * dots and blanks (Windows: `admin.`, `...`), and in Unicode's compatibility form (fullwidth dots and slashes).
 */
function readSegments(text: string, needs: Set<PathAllowance>): readonly PathAllowance[] | Refusal {
  const narrow = narrowed(text);
  if (hidesEncoding(narrow)) return pathRefusals['bad-encoding']('an encoding in compatibility characters');
  const segments = narrow.split(/[/\\]/);
  for (let at = 1; at < segments.length; at += 1) {
    const segment = segments[at] as string;
    const name = segment.split(/[;?#]/, 1)[0] as string;
    if (dotsAndBlanks.test(name) && name.includes('.')) return pathRefusals['dot-segment']();
    if (endsInDot(name) || endsInDot(segment)) needs.add('.');
    const isLast = at === segments.length - 1;
    if (segment === '' ? !isLast : segment.startsWith(';')) needs.add('//');
  }
  return [...needs];
}

function narrowed(text: string): string {
  return text.replace(lookalike, (character) => character.normalize('NFKC'));
}

/** Whether two hex digits in compatibility form follow a percent sign. ASCII encodings were decoded before. */
function hidesEncoding(narrow: string): boolean {
  for (const [, next = ''] of narrow.matchAll(
    /%(?=([0-9A-Fa-f][0-9A-Fa-f\u0080-\u{10ffff}]|[\u0080-\u{10ffff}].?))/gsu,
  ))
    if (/^[0-9A-Fa-f]{2}/.test(next.normalize('NFKC'))) return true;
  return false;
}

/**
 * Whether a program that reads the path as a reference (`//host/a`, RFC 3986 section 4.2) finds an authority in it, after any number
 * of decodings and after parameters and blanks were dropped (`/;x/host/a`).
 */
export function isAuthority(path: string): boolean {
  const text = narrowed(decodeAll(decodeOnce(path), new Set()).toString('utf8'));
  return /^\/ *(?:;[^/]*)?\//.test(text);
}

const dotsAndBlanks = /^[. ]+$/;

function endsInDot(text: string): boolean {
  return text.endsWith('.') || text.endsWith(' ');
}
