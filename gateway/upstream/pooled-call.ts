import { Readable } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import { BodyError } from '../body.ts';
import { messageOf } from '../message-of.ts';
import { gatewayRefusals, upstreamRefusals } from '../refusal.ts';
import type { Refusal } from '../verdict.ts';
import { ConnectError } from './transport.ts';
import type { Call, Receiver, UpstreamCall } from './upstream.ts';

/** Hands a call to the pool of a target that was not tried yet, and adds the target to those that were. */
export type DispatchCall = (call: Call, handler: Dispatcher.DispatchHandler, tried: Set<number>) => void;

/**
 * One call, and undici's handler for it.
 *
 * A connection that was not made is tried at another target; once a connection stands, bytes may have been sent, and nothing
 * is sent a second time, whatever the method.
 */
export class PooledCall implements UpstreamCall, Dispatcher.DispatchHandler {
  readonly #call: Call;
  readonly #receiver: Receiver;
  readonly #dispatch: DispatchCall;
  readonly #targets: number;
  readonly #tried = new Set<number>();
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;

  constructor(call: Call, receiver: Receiver, dispatch: DispatchCall, targets: number) {
    this.#call = call;
    this.#receiver = receiver;
    this.#dispatch = dispatch;
    this.#targets = targets;
  }

  attempt(): void {
    if (this.#over) return;
    try {
      this.#dispatch(this.#call, this, this.#tried);
    } catch (error) {
      this.fail(this.#replyTo(error));
    }
  }

  fail(reply: Refusal): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.fail(reply);
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(aborted);
  }

  /** The connection stands; from here on bytes are sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(aborted);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const headers = decode(controller.rawHeaders as readonly Buffer[] | null);
    if (status < 200) this.#receiver.informational(status, headers);
    else this.#receiver.head(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#over && !this.#receiver.data(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    const again =
      error instanceof ConnectError && this.#tried.size < this.#targets && isIntact(this.#call.body);
    if (again) this.attempt();
    else this.fail(this.#replyTo(error));
  }

  #replyTo(error: unknown): Refusal {
    const { body } = this.#call;
    const brokenBody =
      body instanceof Readable && (body.errored === error || codeOf(error) === 'UND_ERR_ABORTED');
    if (brokenBody && !(error instanceof BodyError)) return gatewayRefusals['body-aborted'](messageOf(error));
    return replyOf(error);
  }
}

function decode(raw: readonly Buffer[] | null): string[] {
  const headers = new Array<string>(raw?.length ?? 0);
  for (let at = 0; at < headers.length; at += 1)
    headers[at] = ((raw as readonly Buffer[])[at] as Buffer).toString('latin1');
  return headers;
}

/** undici reads a stream only once a connection stands, so one that still lives was not read. */
function isIntact(body: Call['body']): boolean {
  return !(body instanceof Readable) || !body.destroyed;
}

function replyOf(error: unknown): Refusal {
  if (error instanceof ConnectError || error instanceof BodyError) return error.reply;
  const message = messageOf(error);
  if (error instanceof errors.HTTPParserError) return upstreamRefusals['bad-answer'](message);
  switch (codeOf(error)) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return upstreamRefusals.timeout(message);
    case 'UND_ERR_SOCKET':
      // undici's words for an answer that nobody asked for, such as 101 or a second one.
      return /^bad (?:response|upgrade)$/.test(message)
        ? upstreamRefusals['bad-answer'](message)
        : upstreamRefusals.reset(message);
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return upstreamRefusals.reset(message);
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return upstreamRefusals['bad-answer'](message);
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return gatewayRefusals['body-aborted'](message);
    case 'UND_ERR_INVALID_ARG':
      return gatewayRefusals['bad-header'](message);
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return gatewayRefusals.stopping(message);
    default:
      return gatewayRefusals.error(message);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

const aborted = new Error('the gateway stopped waiting for the target');
