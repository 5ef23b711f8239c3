import type { Readable } from 'node:stream';
import { gatewayRefusals } from '../answer/refusal.ts';
import { ReplyError } from '../answer/reply-error.ts';

/** A body that could not be read whole. */
export class BodyError extends ReplyError {}

/** The body of a request, in bytes, from whichever host. Read whole by plugins that want it, then forwarded as it came. */
export interface Body {
  /** What content-length declares or what is at hand, in bytes; undefined when only the end tells. */
  readonly declaredBytes: number | undefined;
  /** Whether somebody waits at this moment for bytes that the client has not sent yet. */
  readonly awaited: boolean;
  /** From now on a body of more bytes fails with a BodyError, however it is read; the smallest limit counts. */
  limit(bytes: number): void;
  all(): Uint8Array | Promise<Uint8Array>;
  /** The whole body for the target, also after it was read; null when it is empty. */
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

  forward(): Uint8Array | null {
    return this.#bytes.byteLength === 0 ? null : this.#bytes;
  }
}

/** What a body of more bytes than the limit fails with. `gotBytes` is undefined when only so much is known that it is too long. */
export function bodyTooLarge(gotBytes: number | undefined, limitBytes: number): BodyError {
  const got = gotBytes === undefined ? 'more than that' : `${gotBytes} bytes`;
  return new BodyError(
    gatewayRefusals['body-too-large'](`the limit is ${limitBytes} bytes, the body has ${got}`),
  );
}
