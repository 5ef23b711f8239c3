import { types } from 'node:util';
import { checkFields } from '../../base/http/field.ts';
import { hasHeader } from '../../base/http/headers.ts';
import { ignore } from '../../base/ignore.ts';

/** A plugin's verdict on a request. If a plugin returns anything else, the request is refused. */
export type Verdict = Next | NotResponsible | Reply;

/** A reply of the gateway itself, which ends the request. */
export type Reply = Refusal | Answer;

/** Continue with the next plugin. */
export interface Next {
  readonly kind: 'next';
}

/** The request has no credential that this authenticating plugin reads, so the next one is asked. "Not mine" is not "no". */
export interface NotResponsible {
  readonly kind: 'not-responsible';
  readonly reason: string;
  /** A value of WWW-Authenticate that says how to authenticate, such as `Bearer`: sent if no other plugin takes responsibility. */
  readonly challenge?: string | undefined;
}

/** End here with problem details. */
export interface Refusal {
  readonly kind: 'refuse';
  /** Stable, `namespace:name`: public in problem details, and the key of logs and metrics. */
  readonly code: string;
  /** From 400 to 599. */
  readonly status: number;
  readonly title: string;
  /** Only for the log; never a secret. */
  readonly detail?: string | undefined;
  /** Names and values in turn. */
  readonly headers?: readonly string[] | undefined;
}

/** End here with an answer of the gateway itself, such as one to a challenge. It is sent unchanged. */
export interface Answer {
  readonly kind: 'answer';
  /** Stable, `namespace:name`: the key of logs and metrics. */
  readonly code: string;
  /** From 200 to 599. */
  readonly status: number;
  readonly detail?: string | undefined;
  /** Names and values in turn. */
  readonly headers?: readonly string[] | undefined;
  readonly body?: Uint8Array | undefined;
}

export const next: Next = Object.freeze({ kind: 'next' });

export function notResponsible(reason: string, challenge?: string): NotResponsible {
  return { kind: 'not-responsible', reason, challenge };
}

export function answer(
  code: string,
  status: number,
  parts: { readonly headers?: readonly string[]; readonly body?: Uint8Array; readonly detail?: string } = {},
): Answer {
  return { kind: 'answer', code, status, ...parts };
}

/**
 * Reads what a plugin returned. Each part is read once, so that the checked value is the one that is used.
 *
 * @param mayPass whether the plugin authenticates, and may therefore return not-responsible
 * @throws Error if it is not a complete verdict
 */
export function readVerdict(given: unknown, mayPass: boolean): Verdict {
  if (given === next) return next;
  if (types.isPromise(given)) {
    ignoreRejection(given);
    throw new Error('expected a verdict at once; got a promise');
  }
  if (typeof given !== 'object' || given === null)
    throw new Error(`expected a verdict, an object with a kind; got ${describe(given)}`);
  const { kind } = given as { kind?: unknown };
  switch (kind) {
    case 'next':
      return next;
    case 'not-responsible':
      if (mayPass) return readNotResponsible(given);
      throw new Error('only a plugin that authenticates may return not-responsible');
    case 'refuse':
      return readRefusal(given);
    case 'answer':
      return readAnswer(given);
    default:
      throw new Error(`the kind is ${describe(kind)}; expected next, not-responsible, refuse or answer`);
  }
}

/** Nobody waits for a promise that came where a value was due, and its rejection would end the process. */
export function ignoreRejection(promise: Promise<unknown>): void {
  // The language's own method, because a promise of a plugin may have another `then`.
  Promise.prototype.then.call(promise, ignore, ignore);
}

type Given<Shape> = { readonly [Key in keyof Shape]?: unknown };

function readNotResponsible(given: Given<NotResponsible>): NotResponsible {
  const { reason, challenge } = given;
  if (challenge !== undefined) checkFields(['www-authenticate', challenge]);
  return {
    kind: 'not-responsible',
    reason: text('reason', reason),
    challenge: challenge as string | undefined,
  };
}

function readRefusal(given: Given<Refusal>): Refusal {
  const { status, title, code, detail, headers } = given;
  const list = headers === undefined ? undefined : readHeaders(headers);
  if (list !== undefined && hasHeader(list, 'content-type'))
    throw new Error(
      'a refusal cannot set content-type, because it is sent as problem details; an answer can',
    );
  return {
    kind: 'refuse',
    code: readCode(code),
    status: readStatus(status, 400),
    title: text('title', title),
    detail: detail === undefined ? undefined : text('detail', detail),
    headers: list,
  };
}

function readAnswer(given: Given<Answer>): Answer {
  const { status, code, detail, headers, body } = given;
  if (body !== undefined && !(body instanceof Uint8Array))
    throw new Error(`the body is ${describe(body)}; expected bytes`);
  const answered: Answer = {
    kind: 'answer',
    code: readCode(code),
    status: readStatus(status, 200),
    detail: detail === undefined ? undefined : text('detail', detail),
    headers: headers === undefined ? undefined : readHeaders(headers),
    body,
  };
  if (body !== undefined && body.byteLength > 0 && isBodyless(answered.status))
    throw new Error(`an answer with status ${answered.status} cannot have a body`);
  return answered;
}

/** RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5. */
export function isBodyless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function readCode(code: unknown): string {
  if (typeof code === 'string' && /^[a-z0-9-]{1,64}:[a-z0-9-]{1,64}$/.test(code)) return code;
  throw new Error(`the code is ${describe(code)}; expected namespace:name in lower case`);
}

function readStatus(status: unknown, least: number): number {
  if (Number.isInteger(status) && (status as number) >= least && (status as number) <= 599)
    return status as number;
  throw new Error(`the status is ${describe(status)}; expected a whole number from ${least} to 599`);
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Error(`the ${name} is ${describe(value)}; expected a string`);
}

function readHeaders(headers: unknown): readonly string[] {
  if (!Array.isArray(headers)) throw new Error(`the headers are ${describe(headers)}; expected a list`);
  const copy: unknown[] = [...headers];
  checkFields(copy);
  return copy as string[];
}

/** The type of a value, without its content, which may be secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number')
    return String(value);
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
