import type { IncomingMessage } from 'node:http';
import { findHeader } from '../base/http/headers.ts';
import type { Refusal } from '../gateway/index.ts';
import { foreignProtocol } from './protocol.ts';
import { httpRefusals } from './refusals.ts';

/**
 * How many bytes of body a request declares: 0 without a body, undefined when only its end tells (RFC 9112 section 6.3).
 *
 * Node's parser has already refused what is ambiguous: both lengths at once, a repeated one, lines that end in only LF,
 * folded lines. What it accepts although two servers could read it differently is refused here.
 *
 * @returns the bytes or the refusal
 */
export function declaredBytes(request: IncomingMessage, maxHeaders: number): number | undefined | Refusal {
  if (request.httpVersionMajor !== 1) return httpRefusals.version(`HTTP/${request.httpVersion}`);
  const foreign = foreignProtocol(request);
  if (foreign !== undefined) return httpRefusals.version(foreign);
  const headers = request.rawHeaders;
  if (headers.length > 2 * maxHeaders)
    return httpRefusals['headers-too-large'](`${headers.length / 2} headers, the limit is ${maxHeaders}`);
  const coding = findHeader(headers, 'transfer-encoding');
  if (coding === undefined) return Number(findHeader(headers, 'content-length') ?? 0);
  if (request.httpVersionMinor === 0)
    return httpRefusals['ambiguous-length']('transfer-encoding in HTTP/1.0');
  if (coding.toLowerCase() !== 'chunked')
    return httpRefusals['unknown-coding'](`transfer-encoding: ${coding}`);
  return undefined;
}

/** About what a request costs in addition to its bytes: the objects of node:http and of the gateway. */
const objectBytes = 4 * 1024;
/** The same for a line of its headers: about 100 bytes were measured, most of them not in the line itself if it is short. */
const lineBytes = 100;

/** About how many bytes a request holds in memory until it is answered, without its body. */
export function headBytes({ url, rawHeaders }: IncomingMessage): number {
  let bytes = objectBytes + (url as string).length + (rawHeaders.length / 2) * lineBytes;
  for (const part of rawHeaders) bytes += part.length;
  return bytes;
}
