import { STATUS_CODES, validateHeaderValue } from 'node:http';
import { after, type Clock } from '../base/clock.ts';
import { findHeader } from '../base/http/headers.ts';
import type { Body, Handling, Sink } from '../gateway/index.ts';
import type { Connection, PipelinedAnswer } from './connection.ts';
import type { HeldHead, HeldHeads } from './held-heads.ts';
import type { ListenerLimits } from './limits.ts';
import type { ServerRequest, SinkResponse } from './server-request.ts';

/** libuv writes texts up to 16 KiB from its own stack, head included. */
const joinedBytes = 12 * 1024;

/** What all sinks of one listener share. */
export interface SinkHost {
  readonly limits: ListenerLimits;
  readonly clock: Clock;
  /** Once true, every answer closes its connection. */
  readonly stopping: boolean;
  readonly heads: HeldHeads;
}

/** The sink for node:http's response: flat headers unchanged, one write for a short answer, back-pressure. */
export class ResponseSink implements Sink, HeldHead, PipelinedAnswer {
  readonly request: ServerRequest;
  /** Set when the gateway has taken the request; an immediate refusal does not need it. */
  handling: Handling | undefined = undefined;
  /** What the gateway reads; undefined for a request that it does not get. */
  body: Body | undefined = undefined;
  /** What the request's head holds in the account of its client. */
  chargedBytes = 0;
  /** The request before this one, while both are under way. */
  previous: PipelinedAnswer | undefined = undefined;
  /** The sender waits for 100 (Continue), and nobody has asked for the body yet. */
  bodyHeldBack = false;
  readonly #response: SinkResponse;
  readonly #declaredBytes: number | undefined;
  readonly #host: SinkHost;
  /** Bytes of the body still to come; below 0 if unknown. */
  #missingBytes = -1;
  /** The chunk that completes the body: it leaves together with the end, in one write. */
  #lastChunk: Uint8Array | undefined = undefined;
  /** A byte of the body, or its end, has come. */
  #begun = false;
  #closes = false;
  #waits = false;

  constructor(
    request: ServerRequest,
    response: SinkResponse,
    declaredBytes: number | undefined,
    host: SinkHost,
  ) {
    this.request = request;
    this.#response = response;
    this.#declaredBytes = declaredBytes;
    this.#host = host;
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  informational(status: number, headers: readonly string[]): void {
    const { socket } = this.#response;
    // HTTP/1.0 has no interim answers (RFC 9110 section 15.2), and they cannot be sent while an earlier answer on the connection is unfinished.
    if (socket === null || this.headSent || this.request.httpVersionMinor === 0 || status === 101) return;
    // It may be left out, and must not pile up for a client that does not read.
    if (socket.writableNeedDrain) return;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      validateHeaderValue(headers[at] as string, headers[at + 1] as string);
      head += `${headers[at]}: ${headers[at + 1]}\r\n`;
    }
    socket.write(`${head}\r\n`, 'latin1');
  }

  /** The connection closes after this answer. */
  closeAfter(): void {
    this.#closes = true;
  }

  head(status: number, headers: readonly string[], bodyless: boolean): void {
    const response = this.#response;
    if (!this.request.complete && !this.#restIsShort()) this.#closes = true;
    // Its sender did not wait for 100 (Continue), and may have sent more.
    if (this.request.complete || this.#declaredBytes === 0) response.expectNothing();
    if (this.#closes || this.#isLast()) response.shouldKeepAlive = false;
    if (!bodyless) this.#missingBytes = contentLength(headers);
    response.writeHead(status, headers as string[]);
    if (!response.shouldKeepAlive) (this.request.socket as Connection).closing = true;
    this.#host.heads.add(this);
  }

  sendHead(): void {
    if (!this.#begun && !this.#response.destroyed) this.#response.flushHeaders();
  }

  data(chunk: Uint8Array): boolean {
    this.#begun = true;
    this.#missingBytes -= chunk.byteLength;
    if (this.#missingBytes === 0) {
      this.#lastChunk = chunk;
      return true;
    }
    return this.#write(chunk);
  }

  end(): void {
    this.#begun = true;
    const { broken } = this.request.socket as Connection;
    const moreComes = !this.request.complete && !this.bodyHeldBack && !broken;
    if (this.#closes && moreComes) this.#endLate();
    else this.#endAtOnce();
  }

  /** A short body goes as latin1, which is bytes one to one: node:http joins it to the head, and one plain write takes both. */
  #endAtOnce(): void {
    const last = this.#lastChunk;
    if (last === undefined || last.byteLength > joinedBytes) this.#response.end(last);
    else this.#response.end(textOf(last), 'latin1');
  }

  abort(): void {
    const { socket } = this.#response;
    // Without a length and without chunks, the end of an HTTP/1.0 answer is the end of the connection: only a reset tells.
    if (this.request.httpVersionMinor === 0) socket?.resetAndDestroy();
    this.#response.destroy();
  }

  /** Ends the exchange without an answer. */
  drop(): void {
    this.#response.destroy();
  }

  /** The response is over or its connection gone. */
  closed(): void {
    this.previous = undefined;
    this.handling?.cancel();
    const connection = this.request.socket as Connection;
    this.request.release();
    connection.account?.release(this.chargedBytes);
    this.chargedBytes = 0;
    connection.inFlight = (connection.inFlight ?? 1) - 1;
    if (connection.inFlight === 0 && (connection.broken || this.#host.stopping)) connection.destroySoon();
  }

  #write(chunk: Uint8Array): boolean {
    const more = this.#response.write(chunk);
    if (!more && !this.#waits) this.#waitForDrain();
    return more;
  }

  #waitForDrain(): void {
    this.#waits = true;
    this.#response.once('drain', () => {
      this.#waits = false;
      // Node emits this in the middle of another answer's write, and one target's parser cannot run within another's.
      process.nextTick(resumeOf, this);
    });
  }

  /** Closing while bytes of the body arrive resets the connection, and the sender never sees the answer: reads on for a while. */
  #endLate(): void {
    const response = this.#response;
    if (this.#lastChunk !== undefined) response.write(this.#lastChunk);
    else response.flushHeaders();
    const stopTimer = after(this.#host.clock, this.#host.limits.lingerMs, endNow);
    this.request.discardRest(endNow);
    function endNow(): void {
      stopTimer();
      response.end();
    }
  }

  /** Nothing follows: the server stops, or the client has sent its last byte (RFC 9112 section 9.6). What was sent ahead is answered. */
  #isLast(): boolean {
    const connection = this.request.socket as Connection;
    return connection.latest === this && (this.#host.stopping || connection.readableEnded);
  }

  #restIsShort(): boolean {
    if (this.bodyHeldBack) return false;
    return this.#declaredBytes !== undefined && this.#declaredBytes <= this.#host.limits.discardBytes;
  }
}

function resumeOf(sink: ResponseSink): void {
  sink.handling?.resume();
}

function contentLength(headers: readonly string[]): number {
  const length = findHeader(headers, 'content-length');
  return length === undefined ? -1 : Number(length);
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}
