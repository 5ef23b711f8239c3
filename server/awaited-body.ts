import type { Readable } from 'node:stream';
import { StreamBody } from '../gateway/body.ts';

/** A body that its sender holds back until it is asked for (Expect: 100-continue, RFC 9110 section 10.1.1). */
export class AwaitedBody extends StreamBody {
  readonly #ask: () => void;
  #asked = false;

  constructor(stream: Readable, declaredBytes: number | undefined, ask: () => void) {
    super(stream, declaredBytes);
    this.#ask = ask;
  }

  /** Whether anybody wanted the body. */
  get asked(): boolean {
    return this.#asked;
  }

  override all(): Uint8Array | Promise<Uint8Array> {
    this.#wanted();
    return super.all();
  }

  override prefix(bytes: number): Uint8Array | Promise<Uint8Array> {
    this.#wanted();
    return super.prefix(bytes);
  }

  override forward(): Uint8Array | Readable | null {
    this.#wanted();
    return super.forward();
  }

  #wanted(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#ask();
  }
}
