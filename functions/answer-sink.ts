import { allHeaders } from '../base/http/headers.ts';
import { Pieces } from '../base/pieces.ts';
import { type BrokenOff, type Handling, type Sink, upstreamRefusals } from '../gateway/index.ts';
import type { HttpApiAnswer } from './payload.ts';

/**
 * The most bytes of JSON that a function may answer with.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (6 MB; Lambda lets 100 bytes more through).
 */
const maxPayloadBytes = 6 * 1024 * 1024;

/**
 * Collects an answer for API Gateway, which takes it whole or not at all.
 *
 * Repeated headers are joined with commas (RFC 9110 section 5.3), set-cookie goes into `cookies`. A body is always in base64:
 * any bytes survive it, there is one limit (about 4.7 MB of body), and it costs no more than JSON's escaping of text.
 * An answer that would be too large is refused as soon as that is known, and one that breaks off becomes a refusal too.
 */
export class AnswerSink implements Sink {
  readonly #done: (answer: HttpApiAnswer) => void;
  readonly #maxPayloadBytes: number;
  #handling: Handling | undefined;
  #statusCode = 0;
  readonly #headers = new Map<string, string>();
  #cookies: string[] = [];
  readonly #body = new Pieces();
  #limitBytes = 0;

  constructor(done: (answer: HttpApiAnswer) => void, limitBytes = maxPayloadBytes) {
    this.#done = done;
    this.#maxPayloadBytes = limitBytes;
  }

  /** Gives the sink what it needs to refuse. */
  attach(handling: Handling): void {
    this.#handling = handling;
  }

  head(status: number, headers: readonly string[], bodyless: boolean): void {
    this.#statusCode = status;
    this.#headers.clear();
    this.#cookies = allHeaders(headers, 'set-cookie');
    this.#body.clear();
    let declared = 0;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = (headers[at] as string).toLowerCase();
      const value = headers[at + 1] as string;
      if (name === 'set-cookie') continue;
      if (name === 'content-length' && !bodyless) declared = Number(value);
      else if (name !== 'content-length' || status !== 204) this.#add(name, value);
    }
    const headBytes = Buffer.byteLength(JSON.stringify(this.#answer('')));
    this.#limitBytes = Math.max(0, Math.floor((this.#maxPayloadBytes - headBytes) / 4) * 3);
    if (declared > this.#limitBytes) this.#refuseSize(`${declared}`);
  }

  data(chunk: Uint8Array): boolean {
    if (this.#body.size + chunk.byteLength > this.#limitBytes) this.#refuseSize('more');
    else this.#body.add(chunk);
    return true;
  }

  end(): void {
    this.#done(this.#answer(toBase64(this.#body.take())));
  }

  abort({ reply }: BrokenOff): void {
    this.#refusing().refuse(reply);
  }

  #add(name: string, value: string): void {
    const before = this.#headers.get(name);
    this.#headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }

  #answer(body: string): HttpApiAnswer {
    return {
      statusCode: this.#statusCode,
      headers: Object.fromEntries(this.#headers),
      ...(this.#cookies.length > 0 && { cookies: this.#cookies }),
      body,
      isBase64Encoded: true,
    };
  }

  #refuseSize(got: string): void {
    const detail = `the body has ${got} bytes; through Lambda it may have ${this.#limitBytes}`;
    this.#refusing().refuse(upstreamRefusals['answer-too-large'](detail));
  }

  #refusing(): Handling {
    if (this.#handling === undefined) throw new Error('the sink was not attached to its handling');
    return this.#handling;
  }
}

function toBase64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
