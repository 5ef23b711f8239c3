import { type Body, BodyError, gatewayRefusals } from '../gateway/index.ts';

/** The body of a request of which only the head is known, as in an authorizer: it has a declared size and cannot be read. */
export class HeadBody implements Body {
  readonly declaredBytes: number;
  readonly awaited = false;

  constructor(declaredBytes: number) {
    this.declaredBytes = declaredBytes;
  }

  limit(bytes: number): void {
    if (this.declaredBytes <= bytes) return;
    throw new BodyError(
      gatewayRefusals['body-too-large'](`the limit is ${bytes} bytes, the body has ${this.declaredBytes}`),
    );
  }

  all(): never {
    throw this.#unreadable();
  }

  forward(): never {
    throw this.#unreadable();
  }

  #unreadable(): Error {
    return new Error('the body is not at hand: this decision is made on the head only');
  }
}
