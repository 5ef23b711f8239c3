import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Pieces } from '../base/pieces.ts';
import { BodyError, bodyTooLarge, gatewayRefusals } from '../gateway/index.ts';
import type { Accounted } from './memory.ts';
import { httpRefusals } from './refusals.ts';

/** Larger pieces of a body are passed on as they come; smaller ones are gathered while more of them come. */
const smallBytes = 4 * 1024;
/** This many bytes of small pieces are passed on together. */
const gatheredBytes = 16 * 1024;
/** This many times, gathered pieces are passed on at the end of their turn; after that once in `dripMs`. */
const promptTurns = 256;
const dripMs = 10;

/**
 * A request whose end or failure does not close its connection, so that an answer can still be sent.
 *
 * A stream and its reader hold an object for each piece of a body. Small pieces are joined here, so that a body
 * costs about its bytes, in pieces of any size.
 */
export class ServerRequest extends IncomingMessage {
  /** Bytes of the body that have come. */
  receivedBytes = 0;
  /** Why the body cannot be read, for readers that ask for it later. */
  failure: BodyError | undefined = undefined;
  #gathering: Gathering | undefined = undefined;
  #discarded: (() => void) | undefined = undefined;
  #small: Pieces | undefined = undefined;
  #turns = 0;
  /** Gathered pieces will be passed on at the end of the turn or by the timer. */
  #due = false;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Bytes of the body in the client's account. */
  #chargedBytes = 0;
  #released = false;

  /** Bytes that nobody has read yet. */
  get #unreadBytes(): number {
    return this.readableLength + (this.#small?.size ?? 0);
  }

  /** Gathers the whole body, or fails with a BodyError if it is too large or ends early; the stream stays empty and never ends. */
  gather(limitBytes: number, resolve: (whole: Uint8Array) => void, reject: (error: BodyError) => void): void {
    const gathering = new Gathering(limitBytes, resolve, reject);
    if (this.receivedBytes > 0) this.#drainInto(gathering);
    this.#gathering = gathering;
    if (this.complete) this.#gather(gathering, null);
    else if (this.destroyed) gathering.fail(null);
    else this._read(0);
  }

  /** Throws away the rest of the body and calls `over` when it has ended or failed. */
  discardRest(over: () => void): void {
    this.#discarded = over;
    this.#dropSmall();
    this.push = function discard(chunk: unknown): boolean {
      if (chunk === null) over();
      return true;
    };
    this._read(0);
  }

  /** The request is not carried out: its body is thrown away as it comes, and not held. */
  ignore(): void {
    this.release();
    this.discardRest(nobody);
  }

  /** The exchange is over: nothing holds the body any more, and the rest of it is thrown away. */
  release(): void {
    this.#charge(0);
    this.#released = true;
  }

  /** Node's parser calls this with each chunk of the body, and with null at its end. */
  override push(chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
    if (chunk !== null) this.receivedBytes += chunk.byteLength;
    // Nobody reads trailers, and thousands of short ones stay below the parser's limit, which counts no objects.
    else if (this.rawTrailers.length > 0) this.rawTrailers = [];
    if (this.#gathering !== undefined) return this.#gather(this.#gathering, chunk);
    if (this.destroyed) return false;
    if (chunk === null) {
      this.#passSmall();
      return super.push(null);
    }
    if (chunk.byteLength < smallBytes) this.#keepSmall(chunk);
    else {
      this.#passSmall();
      super.push(chunk, encoding);
    }
    const unread = this.#unreadBytes;
    return this.#charge(unread) && unread < this.readableHighWaterMark;
  }

  override read(size?: number): unknown {
    if (size !== 0 && this.readableLength === 0) this.#passSmall();
    const chunk: unknown = super.read(size);
    if (this.#chargedBytes !== 0 && this.#gathering === undefined) this.#charge(this.#unreadBytes);
    return chunk;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (error instanceof BodyError) this.failure = error;
    this.#dropSmall();
    this.#gathering?.fail(error);
    this.#discarded?.();
    this.#charge(this.#gathering?.heldBytes ?? 0);
    // The base class closes the connection here, but code that destroys a body (undici does, when its target fails)
    // means only the body.
    process.nextTick(callback, this.listenerCount('error') === 0 ? null : error);
  }

  /** What has come before somebody wanted the whole body. */
  #drainInto(gathering: Gathering): void {
    for (let chunk = this.read(); chunk !== null; chunk = this.read()) gathering.take(chunk as Uint8Array);
    this.#charge(gathering.heldBytes);
  }

  #gather(gathering: Gathering, chunk: Uint8Array | null): boolean {
    gathering.take(chunk);
    this.#charge(gathering.heldBytes);
    return true;
  }

  /** Charges the client's account with what is held; a body for which there is no memory fails. */
  #charge(heldBytes: number): boolean {
    const more = heldBytes - this.#chargedBytes;
    const { account } = this.socket as Accounted;
    if (more === 0 || account === undefined || this.#released) return true;
    if (more > 0 && !account.charge(more)) {
      this.destroy(new BodyError(httpRefusals.overloaded(account.full(more), ['retry-after', '1'])));
      return false;
    }
    if (more < 0) account.release(-more);
    this.#chargedBytes = heldBytes;
    return true;
  }

  #keepSmall(chunk: Uint8Array): void {
    this.#small ??= new Pieces();
    this.#small.add(chunk);
    if (this.#small.size >= gatheredBytes) this.#passSmall();
    // While the reader is behind, it asks for more itself.
    else if (!this.#due && this.readableLength === 0) this.#passSoon();
  }

  /** A turn ends when the packets that have arrived are read. A body in countless packets is slowed down. */
  #passSoon(): void {
    this.#due = true;
    this.#turns += 1;
    if (this.#turns <= promptTurns) process.nextTick(passSmallOf, this);
    else this.#timer = setTimeout(passSmallOf, dripMs, this);
  }

  /** Only for `passSmallOf`. */
  passDue(): void {
    this.#due = false;
    if (this.readableLength === 0) this.#passSmall();
  }

  #passSmall(): void {
    if (this.#small !== undefined && this.#small.size > 0) super.push(this.#small.take());
  }

  #dropSmall(): void {
    clearTimeout(this.#timer);
    this.#small = undefined;
  }
}

function nobody(): void {}

function passSmallOf(request: ServerRequest): void {
  request.passDue();
}

/** A body on its way into memory. Once it is too large, what follows is thrown away. */
class Gathering {
  readonly #limitBytes: number;
  readonly #resolve: (whole: Uint8Array) => void;
  readonly #reject: (error: BodyError) => void;
  readonly #pieces = new Pieces();
  #size = 0;
  #state: 'open' | 'whole' | 'failed' = 'open';

  constructor(limitBytes: number, resolve: (whole: Uint8Array) => void, reject: (error: BodyError) => void) {
    this.#limitBytes = limitBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** A whole body counts, also once it was given to its reader, who holds it. */
  get heldBytes(): number {
    return this.#state === 'failed' ? 0 : this.#size;
  }

  take(chunk: Uint8Array | null): void {
    if (this.#state !== 'open') return;
    if (chunk === null) {
      this.#state = 'whole';
      return this.#resolve(this.#pieces.take());
    }
    this.#size += chunk.byteLength;
    if (this.#size <= this.#limitBytes) this.#pieces.add(chunk);
    else this.#fail(bodyTooLarge(undefined, this.#limitBytes));
  }

  fail(error: Error | null): void {
    if (this.#state !== 'open') return;
    const aborted = () => new BodyError(gatewayRefusals['body-aborted'](`after ${this.#size} bytes`));
    this.#fail(error instanceof BodyError ? error : aborted());
  }

  #fail(error: BodyError): void {
    this.#state = 'failed';
    this.#pieces.clear();
    this.#reject(error);
  }
}

/** A response that knows its sink, so that listeners need no closures. */
export class SinkResponse extends ServerResponse<ServerRequest> {
  sink: { closed(): void } | undefined = undefined;

  /** Node gives the connection to each answer in its turn, also to one that broke off while it waited and cannot be sent. */
  override assignSocket(socket: Socket): void {
    if (this.destroyed) socket.destroySoon();
    else super.assignSocket(socket);
  }

  /** Node closes the connection after an answer that it gives instead of 100 (Continue), though the body may have come whole. */
  expectNothing(): void {
    (this as { _expect_continue?: boolean })._expect_continue = false;
  }
}
