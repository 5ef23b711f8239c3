import { findHeader, hasHeader } from '../../base/http/headers.ts';

/** An HTTP/1.1 request as written in a file. */
export interface HttpMessage {
  readonly method: string;
  readonly target: string;
  /** Names and values, flat. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/**
 * Reads a request message (RFC 9112 section 2.1): request line, headers, an empty line, and the body to the end of the file.
 *
 * Lines may end in only LF, as editors write them. Content-length is optional, but must be right.
 *
 * @returns the message, or what is wrong with it
 */
export function parseHttpRequest(bytes: Buffer): HttpMessage | string {
  const end = /\r?\n\r?\n/.exec(bytes.toString('latin1'));
  const head = end === null ? bytes : bytes.subarray(0, end.index);
  const body = end === null ? Buffer.alloc(0) : bytes.subarray(end.index + end[0].length);
  const [first = '', ...lines] = head.toString('latin1').split(/\r?\n/);
  const request = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: HTTP\/1\.[01])?$/.exec(first);
  if (request === null) return 'its first line is not METHOD TARGET HTTP/1.1';
  const headers: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    // Without the line, because it may hold a credential.
    if (field === null) return `line ${index + 2} is not a header; write NAME: VALUE`;
    headers.push(field[1] as string, field[2] as string);
  }
  if (hasHeader(headers, 'transfer-encoding'))
    return 'it has transfer-encoding, and chunks are not supported here; write the body without chunks and leave that header out';
  const declared = findHeader(headers, 'content-length');
  if (/^[0-9]+$/.test(declared ?? '') && Number(declared) !== body.length) {
    return `content-length says ${declared} and the body has ${body.length} bytes (does an editor add a final newline?)`;
  }
  return { method: request[1] as string, target: request[2] as string, headers, body };
}
