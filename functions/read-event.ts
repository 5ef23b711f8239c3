import { refusals } from '../gateway/index.ts';
import type { EventOrReply, HttpApiEvent } from './payload.ts';

/** The event is not one that this function takes; the message says what it is and what to set. */
export class WrongEvent extends Error {
  override readonly name = 'WrongEvent';
}

export const eventRefusals = refusals('event', {
  malformed: [400, 'The request cannot be read'],
});

/** What distinguishes an event of an HTTP API from all others. Its other fields may still be anything. */
export interface ReceivedEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly requestContext: {
    readonly http: { readonly method: string; readonly sourceIp: string };
    readonly requestId: string;
    readonly stage: string;
    readonly domainName?: unknown;
    readonly authentication?: unknown;
  };
  readonly headers?: unknown;
  readonly cookies?: unknown;
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
}

const wanted = {
  forwarder: "requests of an HTTP API: set the integration's payloadFormatVersion to 2.0",
  authorizer:
    "an HTTP API's requests to its REQUEST authorizer: set its authorizerPayloadFormatVersion to 2.0 and enable simple responses",
};

/**
 * Takes an event for one of an HTTP API in payload format 2.0, a request for the forwarder or the authorizer's. Undefined for any other.
 *
 * A function URL sends the same format but does not decode the path and has no authorizer in front: refused, like everything
 * unknown, so that no event is misread.
 */
export function takeEvent(event: unknown, taker: keyof typeof wanted): ReceivedEvent | undefined {
  return isHttpApi(event) && isFor(event, taker) && !isFunctionUrl(event) ? event : undefined;
}

/** Says what came instead and what to set. The names of events are loaded only then, so that they do not slow a cold start. */
export async function wrongEvent(event: unknown, taker: keyof typeof wanted): Promise<WrongEvent> {
  const { describeEvent } = await import('./event-kind.ts');
  return new WrongEvent(`the event is ${describeEvent(event)}; the ${taker} takes ${wanted[taker]}`);
}

function isHttpApi(event: unknown): event is ReceivedEvent & { readonly type?: unknown } {
  const { version, rawPath, rawQueryString, requestContext } = (event ?? {}) as Partial<HttpApiEvent>;
  const { http, requestId, stage } = requestContext ?? {};
  const texts = [rawPath, rawQueryString, requestId, stage, http?.method, http?.sourceIp];
  return version === '2.0' && texts.every((value) => typeof value === 'string');
}

/** What an authorizer gets has a type and the route's ARN; a forwarder that took it would carry out a request without its body. */
function isFor(event: { readonly type?: unknown }, taker: keyof typeof wanted): boolean {
  return (event.type === 'REQUEST') === (taker === 'authorizer');
}

function isFunctionUrl({ requestContext: { domainName } }: ReceivedEvent): boolean {
  return typeof domainName === 'string' && domainName.includes('.lambda-url.');
}

/**
 * Reads what the client sent: every header under its name in lower case, in any spelling of the event (SAM local writes `Host`).
 *
 * API Gateway never sends one name in two spellings, cookies that are not texts, or a body that is not what `isBase64Encoded`
 * says. Which one was meant is not guessed.
 */
export function readRequest(received: ReceivedEvent): EventOrReply {
  try {
    const { rawPath, rawQueryString, requestContext } = received;
    const { http, requestId, stage } = requestContext;
    const domainName = optional('requestContext.domainName', requestContext.domainName, isText);
    const authentication = certificateOf(requestContext.authentication);
    const event: HttpApiEvent = {
      version: '2.0',
      rawPath,
      rawQueryString,
      headers: headersOf(received.headers),
      cookies: optional('cookies', received.cookies, isTexts) ?? [],
      requestContext: {
        http: { method: http.method, sourceIp: http.sourceIp },
        requestId,
        stage,
        ...(domainName !== undefined && { domainName }),
        ...(authentication !== undefined && { authentication }),
      },
      body: bodyOf(received),
    };
    return { event };
  } catch (error) {
    if (error instanceof Malformed) return { reply: eventRefusals.malformed(error.message) };
    throw error;
  }
}

class Malformed extends Error {}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  const given = optional('headers', value, isObject) ?? {};
  // Without a prototype: a client may call its header `__proto__`.
  const headers: Record<string, string> = Object.create(null);
  for (const name of Object.keys(given)) {
    const lower = name.toLowerCase();
    const text = given[name];
    if (typeof text !== 'string')
      throw new Malformed(`${headerNamed(lower)} is ${kindOf(text)}, not a string`);
    if (lower in headers) throw new Malformed(`${headerNamed(lower)} is there in two spellings`);
    headers[lower] = text;
  }
  return headers;
}

function headerNamed(lower: string): string {
  return `the header ${JSON.stringify(lower.slice(0, 64))}`;
}

/** The body's bytes. API Gateway hands a body over as text when its content-type says text, and in base64 otherwise. */
function bodyOf({ body, isBase64Encoded }: ReceivedEvent): Uint8Array {
  const text = optional('body', body, isText) ?? '';
  const encoded = optional('isBase64Encoded', isBase64Encoded, isBoolean) ?? false;
  if (!encoded) return Buffer.from(text, 'utf8');
  const bytes = Buffer.from(text, 'base64');
  // Node stops at the first padding and ignores characters outside the alphabet.
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (text.length % 4 !== 0 || bytes.byteLength !== (text.length / 4) * 3 - padding)
    throw new Malformed('isBase64Encoded is true and the body is not base64');
  return bytes;
}

function certificateOf(value: unknown): HttpApiEvent['requestContext']['authentication'] {
  const authentication = optional('requestContext.authentication', value, isObject);
  const certificate = optional('authentication.clientCert', authentication?.clientCert, isObject);
  const clientCertPem = optional('clientCert.clientCertPem', certificate?.clientCertPem, isText);
  return clientCertPem === undefined ? undefined : { clientCert: { clientCertPem } };
}

/** API Gateway leaves out missing values, or sends null. */
function optional<T>(name: string, value: unknown, is: (value: unknown) => value is T): T | undefined {
  if (value === undefined || value === null) return undefined;
  if (is(value)) return value;
  throw new Malformed(`${name} is ${kindOf(value)}`);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

/** Never the value: a header may be a credential. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.every(isText) ? 'a list' : 'a list with other things than texts';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
