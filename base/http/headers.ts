/**
 * Header lists: names and values in turn, in the order and case received, like those of node:http and undici. The `name` to look
 * for is in lower case.
 */

/**
 * Headers for one connection only (RFC 9110 section 7.6.1). A proxy removes them in both directions, including `te` and `trailer`,
 * and only the host sets them.
 */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Whether a header has this name, in any case. */
export function isNamed(header: string, name: string): boolean {
  return header.length === name.length && header.toLowerCase() === name;
}

export function hasHeader(headers: readonly string[], name: string): boolean {
  for (let at = 0; at + 1 < headers.length; at += 2) if (isNamed(headers[at] as string, name)) return true;
  return false;
}

/**
 * The value of a header; undefined if it is missing.
 *
 * Repeated headers are joined (RFC 9110 section 5.3), cookies with `; ` (RFC 9113 section 8.2.3). Not for `set-cookie`, which
 * cannot be joined: see `allHeaders`.
 */
export function findHeader(headers: readonly string[], name: string, separator?: string): string | undefined {
  let value: string | undefined;
  let repeated: string[] | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (!isNamed(headers[at] as string, name)) continue;
    const found = headers[at + 1] as string;
    if (value === undefined) value = found;
    else if (repeated === undefined) repeated = [value, found];
    else repeated.push(found);
  }
  // Joined once: joining pair by pair builds a rope that each later read has to flatten.
  return repeated?.join(separator ?? (name === 'cookie' ? '; ' : ', ')) ?? value;
}

/** Each value of a header, in order. */
export function allHeaders(headers: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (isNamed(headers[at] as string, name)) values.push(headers[at + 1] as string);
  return values;
}

/**
 * The value of a header that may occur only once.
 *
 * @returns undefined if it is missing, null if it is repeated: a repeated header is not a missing one
 */
export function onlyHeader(headers: readonly string[], name: string): string | undefined | null {
  let value: string | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (!isNamed(headers[at] as string, name)) continue;
    if (value !== undefined) return null;
    value = headers[at + 1] as string;
  }
  return value;
}

/** Removes every header of this name from the list. */
export function removeHeader(headers: string[], name: string): void {
  for (let at = headers.length - 2; at >= 0; at -= 2)
    if (isNamed(headers[at] as string, name)) headers.splice(at, 2);
}

/** Replaces all headers of this name by one at the end of the list. */
export function setHeader(headers: string[], name: string, value: string): void {
  removeHeader(headers, name);
  headers.push(name, value);
}
