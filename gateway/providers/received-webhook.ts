import { displayValue } from '../../base/display-value.ts';
import { EvaluationError, parseJson } from '../expression/index.ts';
import type { Exchange } from '../request/exchange.ts';
import type { Claim } from './provider.ts';

/**
 * The value that the webhook plugin puts into `exchange.attributes.webhook`, for expressions. All but the provider may be unknown.
 * The body is parsed when an expression first reads the payload, which is after its signature was verified, and only once, even if
 * that fails.
 */
export class ReceivedWebhook {
  readonly provider: string;
  readonly id: string | undefined;
  readonly timestamp: Date | undefined;
  readonly #event: Claim['event'];
  readonly #exchange: Exchange;
  readonly #maxPayload: number;
  #body: Uint8Array | undefined;
  #payload: unknown;
  #failure: unknown;

  constructor(
    provider: string,
    { id, event, timestampMs }: Claim,
    exchange: Exchange,
    body: Uint8Array,
    maxPayload: number,
  ) {
    this.provider = provider;
    this.id = id;
    this.timestamp = timestampMs === undefined ? undefined : new Date(timestampMs);
    this.#event = event;
    this.#exchange = exchange;
    this.#body = body;
    this.#maxPayload = maxPayload;
  }

  get event(): string | undefined {
    return typeof this.#event === 'function' ? this.#event(this.payload) : this.#event;
  }

  /** @throws EvaluationError if the body is not JSON, or could be read as something else */
  get payload(): unknown {
    if (this.#body !== undefined) this.#parse(this.#body);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#payload;
  }

  #parse(body: Uint8Array): void {
    this.#body = undefined;
    try {
      refuseOther(this.#exchange, body, this.#maxPayload);
      this.#payload = parseJson(body);
    } catch (error) {
      this.#failure = error;
    }
  }
}

/** JSON, or text, which some senders declare instead; a comma would mean two lines of the header. */
const jsonType = /^(?:application\/(?:[\w.-]+\+)?json|text\/(?:json|plain))[ \t]*(?:;[^,]*)?$/i;
const otherCharset = /charset(?!=("?)utf-?8\1[ \t]*(?:;|$))/i;

/**
 * Refuses to read a body that the target would read as something else: no provider signs the headers that declare the type, and
 * a JSON body can be a form too.
 */
function refuseOther(exchange: Exchange, { byteLength }: Uint8Array, maxBytes: number): void {
  if (byteLength > maxBytes) throw unknown(`the body has ${byteLength} bytes, and maxPayload is ${maxBytes}`);
  const type = exchange.header('content-type');
  if (type !== undefined && !jsonType.test(type))
    throw unknown(`content-type is ${shownType(type)}, which is not JSON`);
  if (type !== undefined && otherCharset.test(type))
    throw unknown('content-type names a charset other than UTF-8');
  const coding = exchange.header('content-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw unknown(`content-encoding is ${displayValue(coding)}, and the body is not decoded here`);
}

/** The media type without its parameters, if it is well-formed. */
function shownType(type: string): string {
  return /^([\w.+-]{1,32}\/[\w.+-]{1,64})[ \t]*(?:;[^,]*)?$/.exec(type)?.[1] ?? displayValue(type);
}

function unknown(why: string): EvaluationError {
  return new EvaluationError(`webhook.payload is unknown: ${why}`);
}
