import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BodyError, bodyTooLarge } from '../gateway/body.ts';
import { gatewayRefusals } from '../gateway/refusal.ts';
import type { Refusal } from '../gateway/verdict.ts';
import { httpRefusals } from './refusals.ts';
import type { ResponseSink } from './response-sink.ts';

/** What the listener keeps with a connection. */
export interface Connection extends Socket {
  /** Requests whose answers are not sent in full yet: more than one with pipelining. */
  inFlight?: number;
  /** The request that arrived last. */
  latest?: ResponseSink;
  /** No further request can be read; once the answers before it are sent, this one closes the connection. */
  broken?: Refusal;
}

/** A request whose end, good or bad, is not the end of its connection: an answer can still be sent on it. */
export class ServerRequest extends IncomingMessage {
  #gathering: Gathering | undefined = undefined;
  #discarded: (() => void) | undefined = undefined;

  /** No byte of the body has come yet. */
  get untouched(): boolean {
    return this.readableLength === 0 && !this.complete && !this.destroyed && !this.readableDidRead;
  }

  /** Gives the whole body, or a BodyError when it is too large or ends early; the stream stays empty and never ends. */
  gather(limitBytes: number, resolve: (whole: Uint8Array) => void, reject: (error: BodyError) => void): void {
    this.#gathering = new Gathering(limitBytes, resolve, reject);
    this._read(0);
  }

  /** Throws away what is still to come of the body and says when it is over, in whichever way. */
  discardRest(over: () => void): void {
    this.#discarded = over;
    this.push = function discard(chunk: unknown): boolean {
      if (chunk === null) over();
      return true;
    };
    this._read(0);
  }

  /** Node's parser gives the body here, chunk by chunk, and null at its end. */
  override push(chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
    return this.#gathering === undefined ? super.push(chunk, encoding) : this.#gathering.take(chunk);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#gathering?.fail(error);
    this.#discarded?.();
    // The base class closes the connection here, but whoever destroys a body (undici does, when its target fails)
    // means the body alone.
    process.nextTick(callback, this.listenerCount('error') === 0 ? null : error);
  }
}

/** A body on its way into memory. Once it is too large, what follows is thrown away. */
class Gathering {
  readonly #limitBytes: number;
  readonly #resolve: (whole: Uint8Array) => void;
  readonly #reject: (error: BodyError) => void;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(limitBytes: number, resolve: (whole: Uint8Array) => void, reject: (error: BodyError) => void) {
    this.#limitBytes = limitBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  take(chunk: Uint8Array | null): boolean {
    if (chunk === null) {
      const [first] = this.#chunks;
      this.#resolve(first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks));
      return true;
    }
    this.#size += chunk.byteLength;
    if (this.#size <= this.#limitBytes) this.#chunks.push(chunk);
    else {
      this.#chunks = [];
      this.#reject(bodyTooLarge(undefined, this.#limitBytes));
    }
    return true;
  }

  fail(error: Error | null): void {
    const aborted = () => new BodyError(gatewayRefusals['body-aborted'](`after ${this.#size} bytes`));
    this.#reject(error instanceof BodyError ? error : aborted());
  }
}

/** A response that knows its sink, so that no listener needs a closure of its own. */
export class SinkResponse extends ServerResponse<ServerRequest> {
  sink: ResponseSink | undefined = undefined;
}

/**
 * How many bytes of body a request declares: 0 without a body, undefined when only its end tells (RFC 9112 section 6.3).
 *
 * Node's parser has refused by now what is ambiguous: both lengths at once, a repeated one, lines that end in LF alone,
 * folded lines. What it lets pass and two servers could read differently is refused here.
 *
 * @returns the bytes or the refusal
 */
export function declaredBytes(request: IncomingMessage, maxHeaders: number): number | undefined | Refusal {
  if (request.httpVersionMajor !== 1) return httpRefusals.version(`HTTP/${request.httpVersion}`);
  const headers = request.rawHeaders;
  if (headers.length > 2 * maxHeaders)
    return httpRefusals['headers-too-large'](`${headers.length / 2} headers, the limit is ${maxHeaders}`);
  let declared: number | undefined = 0;
  for (let at = 0; at < headers.length; at += 2) {
    const { length } = headers[at] as string;
    if (length === 14 && (headers[at] as string).toLowerCase() === 'content-length')
      declared = Number(headers[at + 1]);
    else if (length === 17 && (headers[at] as string).toLowerCase() === 'transfer-encoding') {
      if (request.httpVersionMinor === 0)
        return httpRefusals['ambiguous-length']('transfer-encoding in HTTP/1.0');
      const coding = headers[at + 1] as string;
      if (coding.toLowerCase() !== 'chunked')
        return httpRefusals['unknown-coding'](`transfer-encoding: ${coding}`);
      declared = undefined;
    }
  }
  return declared;
}
