import { Readable } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import { messageOf } from '../../base/message-of.ts';
import { Pieces } from '../../base/pieces.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';
import { BodyError } from '../request/body.ts';
import { AnswerError, onPacketEnd } from './answer-guard.ts';
import { upstreamRefusals } from './refusals.ts';
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
  readonly #ended: () => void;
  readonly #tried = new Set<number>();
  #controller: Dispatcher.DispatchController | undefined;
  /** The status and the headers until the packet that they came in was parsed whole: what follows there may be no HTTP. */
  #head: readonly [status: number, headers: string[]] | undefined;
  /** What came of the body in this packet: a target can cut it into as many chunks as it has bytes. */
  readonly #pieces = new Pieces();
  #paused = false;
  #over = false;
  /** In the pool, without a connection yet. */
  #waits = false;
  #released = false;

  /** `ended` is called once, when the call is over and takes no place any more. */
  constructor(call: Call, receiver: Receiver, dispatch: DispatchCall, targets: number, ended: () => void) {
    this.#call = call;
    this.#receiver = receiver;
    this.#dispatch = dispatch;
    this.#targets = targets;
    this.#ended = ended;
  }

  attempt(): void {
    if (this.#over) return;
    this.#waits = true;
    try {
      this.#dispatch(this.#call, this, this.#tried);
    } catch (error) {
      this.#waits = false;
      this.fail(this.#replyTo(error));
    }
  }

  fail(reply: Refusal): void {
    if (this.#over) return;
    this.#end();
    this.#receiver.fail(reply);
  }

  resume(): void {
    if (this.#over) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#controller?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.#end();
    this.#controller?.abort(aborted);
  }

  /** The connection stands; from here on bytes are sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#waits = false;
    if (!this.#over) return;
    controller.abort(aborted);
    this.#release();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const headers = decode(controller.rawHeaders as readonly Buffer[] | null);
    if (status < 200) return this.#receiver.informational(status, headers);
    this.#head = [status, headers];
    onPacketEnd(this.#onPacketEnd);
    // RFC 9110 section 15.3.6: it has no content, so whatever it declares may never come.
    if (status === resetContent) {
      this.onResponseEnd();
      controller.abort(aborted);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#pieces.size === 0) onPacketEnd(this.#onPacketEnd);
    this.#pieces.add(chunk);
  }

  onResponseEnd(): void {
    this.#deliver();
    if (this.#over) return;
    this.#end();
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#waits = false;
    if (this.#over) return this.#release();
    const again =
      error instanceof ConnectError && this.#tried.size < this.#targets && isIntact(this.#call.body);
    if (again) this.attempt();
    else this.fail(this.#replyTo(error));
  }

  readonly #onPacketEnd = (): void => {
    if (!this.#paused) this.#deliver();
  };

  #deliver(): void {
    try {
      this.#hand();
    } catch (error) {
      // Not the target's fault, and beyond undici's own care.
      const reply = gatewayRefusals.error(messageOf(error));
      this.#controller?.abort(aborted);
      this.fail(reply);
    }
  }

  #hand(): void {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined && !this.#over) this.#receiver.head(...head);
    if (this.#pieces.size === 0 || this.#over) return;
    if (this.#receiver.data(this.#pieces.take())) return;
    this.#paused = true;
    this.#controller?.pause();
  }

  #end(): void {
    this.#over = true;
    this.#release();
  }

  /** A call that is aborted while it waits for a connection stays in the pool until one is free. */
  #release(): void {
    if (!this.#over || this.#waits || this.#released) return;
    this.#released = true;
    this.#ended();
  }

  #replyTo(error: unknown): Refusal {
    const { body } = this.#call;
    const brokenBody =
      body instanceof Readable && (body.errored === error || codeOf(error) === 'UND_ERR_ABORTED');
    if (brokenBody && !(error instanceof BodyError)) return gatewayRefusals['body-aborted'](messageOf(error));
    return replyOf(error, this.#controller !== undefined);
  }
}

const resetContent = 205;

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

/** `begun`: a connection stood, so that what went wrong there, in TLS for one, is not the gateway's fault. */
function replyOf(error: unknown, begun: boolean): Refusal {
  if (error instanceof ConnectError || error instanceof BodyError || error instanceof AnswerError)
    return error.reply;
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
      return begun ? upstreamRefusals.reset(message) : gatewayRefusals.error(message);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

const aborted = new Error('the gateway stopped waiting for the target');
