import type { Readable } from 'node:stream';
import { Pieces } from '../../base/pieces.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';

/** A body that could not be read whole; carries the reply that says so. */
export class BodyError extends Error {
  readonly reply: Refusal;

  constructor(reply: Refusal) {
    super(reply.detail ?? reply.title);
    this.name = 'BodyError';
    this.reply = reply;
  }
}

/** The body of a request, in bytes, from whichever host. Read in part or in whole by plugins, then forwarded as it came. */
export interface Body {
  /** What content-length declares or what is at hand, in bytes; undefined when only the end tells. */
  readonly declaredBytes: number | undefined;
  /** Whether somebody waits at this moment for bytes that the client has not sent yet. */
  readonly awaited: boolean;
  /** From now on a body of more bytes fails with a BodyError, however it is read; the smallest limit counts. */
  limit(bytes: number): void;
  all(): Uint8Array | Promise<Uint8Array>;
  /** The first bytes, or fewer when the body is shorter. */
  prefix(bytes: number): Uint8Array | Promise<Uint8Array>;
  /** The whole body for the target, with all that was read before; null when it is empty. */
  forward(): Uint8Array | Readable | null;
}

/** A body that is in memory, as on AWS Lambda and in tests. */
export class BytesBody implements Body {
  readonly awaited = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get declaredBytes(): number {
    return this.#bytes.byteLength;
  }

  limit(bytes: number): void {
    if (this.#bytes.byteLength > bytes) throw bodyTooLarge(this.#bytes.byteLength, bytes);
  }

  all(): Uint8Array {
    return this.#bytes;
  }

  prefix(bytes: number): Uint8Array {
    return this.#bytes.subarray(0, bytes);
  }

  forward(): Uint8Array | null {
    return this.#bytes.byteLength === 0 ? null : this.#bytes;
  }
}

/** A body that arrives on a stream, such as node:http's IncomingMessage. */
export class StreamBody implements Body {
  readonly declaredBytes: number | undefined;
  readonly #stream: Readable & Arrival;
  #limitBytes = Number.POSITIVE_INFINITY;
  #whole: Uint8Array | undefined;

  /** `declaredBytes`: content-length; 0 when there is neither content-length nor transfer-encoding. */
  constructor(stream: Readable & Arrival, declaredBytes: number | undefined) {
    this.#stream = stream;
    this.declaredBytes = declaredBytes;
  }

  /** A stream flows while somebody reads it and has room: not before, and not while the target is what is slow. */
  get awaited(): boolean {
    const { readableFlowing, readableEnded, destroyed } = this.#stream;
    return readableFlowing === true && !readableEnded && !destroyed && this.#stream.complete !== true;
  }

  /** The body, once it was read to its end. */
  get whole(): Uint8Array | undefined {
    return this.#whole;
  }

  limit(bytes: number): void {
    if (this.declaredBytes !== undefined && this.declaredBytes > bytes)
      throw bodyTooLarge(this.declaredBytes, bytes);
    this.#limitBytes = Math.min(this.#limitBytes, bytes);
  }

  all(): Uint8Array | Promise<Uint8Array> {
    if (this.#whole !== undefined) return this.#whole;
    if (this.declaredBytes === 0) {
      this.#whole = empty;
      return empty;
    }
    return this.#collect(Number.POSITIVE_INFINITY);
  }

  prefix(bytes: number): Uint8Array | Promise<Uint8Array> {
    if (this.#whole !== undefined) return this.#whole.subarray(0, bytes);
    if (this.declaredBytes === 0) return empty;
    return this.#collect(bytes).then((read) => read.subarray(0, bytes));
  }

  forward(): Uint8Array | Readable | null {
    if (this.#whole !== undefined) return this.#whole.byteLength === 0 ? null : this.#whole;
    if (this.declaredBytes === 0) return null;
    if (this.declaredBytes === undefined) this.#guard();
    return this.#stream;
  }

  /** Reads until the end, or until `enough` bytes are there; then they go back to the front of the stream. */
  #collect(enough: number): Promise<Uint8Array> {
    const stream = this.#stream;
    const pieces = new Pieces();
    return new Promise<Uint8Array>((resolve, reject) => {
      const settle = () => {
        stream.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      };
      const onData = (chunk: Uint8Array) => {
        pieces.add(chunk);
        if (pieces.size > this.#limitBytes) {
          settle();
          stream.pause();
          reject(bodyTooLarge(undefined, this.#limitBytes));
        } else if (pieces.size >= enough) {
          settle();
          stream.pause();
          const read = pieces.take();
          stream.unshift(read);
          resolve(read);
        }
      };
      const onEnd = () => {
        settle();
        this.#whole = pieces.take();
        resolve(this.#whole);
      };
      const onBroken = (error?: Error) => {
        settle();
        // A host that knows better why the body ended says so.
        if (error instanceof BodyError) return reject(error);
        reject(new BodyError(gatewayRefusals['body-aborted'](`after ${pieces.size} bytes`)));
      };
      stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
      // A stream that was paused after an earlier prefix does not flow again by a listener alone.
      stream.resume();
    });
  }

  /** Counts a chunked body on its way to the target and destroys the stream when it grows past the limit. */
  #guard(): void {
    const stream = this.#stream;
    const limitBytes = this.#limitBytes;
    if (limitBytes === Number.POSITIVE_INFINITY) return;
    const push = stream.push.bind(stream);
    let size = stream.receivedBytes ?? stream.readableLength;
    stream.push = function countedPush(chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
      if (chunk !== null) size += chunk.byteLength;
      if (size <= limitBytes) return push(chunk, encoding);
      stream.destroy(bodyTooLarge(undefined, limitBytes));
      return false;
    };
  }
}

/** What a stream of a host may know beyond what it has given on: that its last byte has come, and how many have. */
interface Arrival {
  readonly complete?: boolean;
  readonly receivedBytes?: number;
}

const empty = new Uint8Array(0);

/** What a body of more bytes than the limit fails with. `gotBytes` is undefined when only so much is known that it is too long. */
export function bodyTooLarge(gotBytes: number | undefined, limitBytes: number): BodyError {
  const got = gotBytes === undefined ? 'more than that' : `${gotBytes} bytes`;
  return new BodyError(
    gatewayRefusals['body-too-large'](`the limit is ${limitBytes} bytes, the body has ${got}`),
  );
}
