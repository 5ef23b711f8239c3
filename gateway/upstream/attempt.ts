import type { Dispatcher } from 'undici';
import { messageOf } from '../../base/message-of.ts';
import { Pieces } from '../../base/pieces.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import { onPacketEnd } from './answer-guard.ts';
import type { Endpoint } from './endpoint.ts';
import type { Outcome } from './outcome.ts';
import { replyTo } from './replies.ts';
import { ConnectError } from './transport.ts';
import type { Call, Receiver } from './upstream.ts';

/** Makes attempts, and learns when each of them ends. */
export interface AttemptOwner {
  readonly clock: Clock;
  /** Called once, when the attempt no longer takes a place at its endpoint; with the reply if it failed. */
  ended(attempt: Attempt, failure: Refusal | undefined): void;
}

/** One dispatch of a call to an endpoint, as undici's handler: passes the answer on and records the outcome. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly endpoint: Endpoint;
  readonly #outcome: Writable<Outcome>;
  readonly #call: Call;
  readonly #receiver: Receiver;
  readonly #owner: AttemptOwner;
  readonly #startedMs: number;
  #controller: Dispatcher.DispatchController | undefined;
  /** The status and the headers until their packet was parsed completely: bytes after them in the packet may not be HTTP. */
  #head: readonly [status: number, headers: string[]] | undefined;
  /** The parts of the body in this packet: a target can split it into as many chunks as it has bytes. */
  readonly #pieces = new Pieces();
  #paused = false;
  /** At the endpoint, without a connection yet. */
  #waits = true;
  /** The receiver gets no more calls. */
  #over = false;
  /** The owner knows that the attempt ended. */
  #ended = false;

  constructor(endpoint: Endpoint, call: Call, receiver: Receiver, owner: AttemptOwner) {
    this.endpoint = endpoint;
    this.#call = call;
    this.#receiver = receiver;
    this.#owner = owner;
    this.#startedMs = owner.clock.monotonic();
    const { origin } = endpoint.target;
    this.#outcome = { target: origin, status: undefined, code: undefined, ms: 0, connectFailed: false };
    call.attempts.push(this.#outcome);
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  start(): void {
    try {
      this.endpoint.dispatch(this.#call, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  resume(): void {
    if (this.#over) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#controller?.resume();
  }

  /** Cancels the attempt. If it waits for a connection it keeps its place at the endpoint until there is one. */
  abort(why: Refusal | undefined): void {
    if (this.#over) return;
    this.#conclude(why);
    if (this.#waits) return;
    this.#end(undefined);
    this.#controller?.abort(aborted);
  }

  /** The connection is made; from now on bytes are sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#waits = false;
    if (!this.#over) return;
    this.#end(undefined);
    controller.abort(aborted);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const headers = decode(controller.rawHeaders as readonly Buffer[] | null);
    if (status < 200) return this.#receiver.informational(status, headers);
    this.#outcome.status = status;
    this.#outcome.ms = this.#elapsedMs();
    this.#head = [status, headers];
    onPacketEnd(this.#onPacketEnd);
    // RFC 9110 section 15.3.6: a 205 has no content, so a declared body may never arrive.
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
    this.#over = true;
    this.#end(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    if (error instanceof ConnectError) this.#outcome.connectFailed = true;
    const failure = replyTo(error, this.#call.body, this.#controller !== undefined);
    if (!this.#over) this.#conclude(failure);
    this.#end(failure);
  }

  /** Ends the calls to the receiver. */
  #conclude(failure: Refusal | undefined): void {
    this.#over = true;
    this.#outcome.code = failure?.code;
    if (this.#outcome.status === undefined) this.#outcome.ms = this.#elapsedMs();
  }

  /** Frees the place at the endpoint. */
  #end(failure: Refusal | undefined): void {
    this.#ended = true;
    this.#owner.ended(this, failure);
  }

  #elapsedMs(): number {
    return this.#owner.clock.monotonic() - this.#startedMs;
  }

  readonly #onPacketEnd = (): void => {
    if (!this.#paused) this.#deliver();
  };

  #deliver(): void {
    try {
      this.#hand();
    } catch (error) {
      // Not the target's fault, and undici does not catch it.
      const failure = gatewayRefusals.error(messageOf(error));
      this.#conclude(failure);
      this.#end(failure);
      this.#controller?.abort(aborted);
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
}

const resetContent = 205;

function decode(raw: readonly Buffer[] | null): string[] {
  const headers = new Array<string>(raw?.length ?? 0);
  for (let at = 0; at < headers.length; at += 1)
    headers[at] = ((raw as readonly Buffer[])[at] as Buffer).toString('latin1');
  return headers;
}

const aborted = new Error('the gateway stopped waiting for the target');

type Writable<Given> = { -readonly [Key in keyof Given]: Given[Key] };
