import type { Readable } from 'node:stream';
import { gatewayRefusals } from '../answer/refusal.ts';
import { ReplyError } from '../answer/reply-error.ts';

/** A body that could not be read whole. */
export class BodyError extends ReplyError {}

/** The body of a request, in bytes, from any host. Plugins can read it whole; it is then forwarded unchanged. */
export interface Body {
  /** The value of content-length or the size at hand, in bytes; undefined if the size is known only at the end. */
  readonly declaredBytes: number | undefined;
  /** Whether a reader is waiting for bytes that the client has not sent yet. */
  readonly awaited: boolean;
  /** From now on a body of more bytes fails with a BodyError, however it is read. The smallest limit counts. */
  limit(bytes: number): void;
  all(): Uint8Array | Promise<Uint8Array>;
  /** The whole body for the target, even after it was read; null if it is empty. */
  forward(): Uint8Array | Readable | null;
}

/** A body in memory, as on AWS Lambda and in tests. */
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

  forward(): Uint8Array | null {
    return this.#bytes.byteLength === 0 ? null : this.#bytes;
  }
}

/** The error for a body over the limit. `gotBytes` is undefined if the exact size is unknown. */
export function bodyTooLarge(gotBytes: number | undefined, limitBytes: number): BodyError {
  const got = gotBytes === undefined ? 'more than that' : `${gotBytes} bytes`;
  return new BodyError(
    gatewayRefusals['body-too-large'](`the limit is ${limitBytes} bytes, the body has ${got}`),
  );
}
