import type { Socket } from 'node:net';
import { ReplyError } from '../answer/reply-error.ts';
import type { Refusal } from '../answer/verdict.ts';
import { upstreamRefusals } from './refusals.ts';

/** The limit for one head or for the trailers, names and values together. Requests have the same limit (server/limits.ts). */
const maxAnswerHeadBytes = 32 * 1024;
export const maxAnswerHeaders = 128;
/** The limit for heads before the final one (1xx), for one request. */
export const maxInterimHeads = 32;

/** A refused answer. Its connection is never used again. */
export class AnswerError extends ReplyError {
  /** With another code, undici fails the requests that wait for a connection, although nothing of them was sent on this one. */
  readonly code = 'UND_ERR_SOCKET';
}

/** The used parts of undici's parser (lib/dispatcher/client-h1.js, class Parser); one lives as long as its connection. */
interface Parser {
  readonly ptr: number | null;
  readonly llhttp: {
    llhttp_get_http_major(ptr: number | null): number;
    llhttp_get_http_minor(ptr: number | null): number;
  };
  headers: Buffer[];
  headersSize: number;
  statusCode: number;
  contentLength: number;
  readonly hasTransferEncoding: boolean;
  shouldKeepAlive: boolean;
  execute(chunk: Buffer): void;
  onMessageBegin(): number;
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): number;
  onMessageComplete(): number;
  trackHeader(bytes: number): void;
}

let packetEnd: (() => void) | undefined;

/**
 * Calls back once the current packet was parsed completely. There is no call if the packet broke its connection, because then the
 * error of the connection follows. Only for handlers of undici, while the parser of a guarded connection calls them.
 */
export function onPacketEnd(callback: () => void): void {
  packetEnd = callback;
}

/**
 * Guards the answers that undici parses on a new connection: it refuses answers that undici accepts but that a client of the gateway
 * must not get, and skips an unasked 100 (Continue), which undici treats as an error.
 *
 * undici has no option for this, so methods of its parser are replaced. The version of undici is fixed, and the tests send every case
 * over real connections.
 */
export function guardAnswers(socket: Socket): void {
  const parser = parserOf(socket);
  const guard = new AnswerGuard(socket, parser);
  const { execute, onMessageBegin, onMessageComplete, onHeadersComplete } = parser;
  parser.execute = function executeGuarded(chunk) {
    if (!guard.acceptsPacket(chunk)) return;
    packetEnd = undefined;
    execute.call(parser, chunk);
    guard.packetEnds(chunk);
    const callback = packetEnd as (() => void) | undefined;
    packetEnd = undefined;
    if (!socket.destroyed) callback?.();
  };
  parser.onMessageBegin = function beginGuarded() {
    guard.begin();
    return onMessageBegin.call(parser);
  };
  parser.onMessageComplete = function completeGuarded() {
    guard.begun = false;
    return onMessageComplete.call(parser);
  };
  parser.trackHeader = (bytes) => guard.takeHeader(bytes);
  parser.onHeadersComplete = function headersCompleteGuarded(status, upgrade, keepAlive) {
    if (!guard.acceptsHead(status, upgrade)) return refused;
    if (status !== 100) return onHeadersComplete.call(parser, status, upgrade, keepAlive);
    parser.headers = [];
    parser.headersSize = 0;
    parser.statusCode = status;
    return noBody;
  };
  // undici treats a reset as the end of an answer without a length: half an answer would look complete.
  socket.prependListener('error', () => {
    parser.shouldKeepAlive = true;
  });
}

/** The value by which llhttp's callback for the end of a head refuses it. */
const refused = -1;
const noBody = 1;

function parserOf(socket: Socket): Parser {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser');
  if (key === undefined)
    throw new Error('undici keeps no parser with its connection: is its version the one of package.json?');
  return (socket as unknown as Record<symbol, Parser>)[key] as Parser;
}

const letterH = 0x48;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const emptyLine = '\r\n\r\n';
const noBytes = Buffer.alloc(0);

class AnswerGuard {
  /** Within an answer: after its first byte, before its last. */
  begun = false;
  readonly #socket: Socket;
  readonly #parser: Parser;
  #interim = 0;
  /** Within the head of an answer. */
  #inHead = false;
  /** The end of the previous packet, if a head continues in the current packet. */
  #before = '';
  #packet: Buffer = noBytes;
  /** The offset in the packet where the current head begins or continues. */
  #at = 0;

  constructor(socket: Socket, parser: Parser) {
    this.#socket = socket;
    this.#parser = parser;
  }

  begin(): void {
    this.begun = true;
    this.#inHead = true;
    this.#before = '';
  }

  acceptsPacket(chunk: Buffer): boolean {
    this.#packet = chunk;
    this.#at = 0;
    return this.begun || this.#acceptsBeginning();
  }

  packetEnds(chunk: Buffer): void {
    this.#packet = noBytes;
    if (this.#inHead) this.#before = (this.#before + chunk.toString('latin1', chunk.length - 3)).slice(-3);
  }

  /** llhttp accepts RTSP/1.0 and ICE/1.0 as HTTP and does not report it; it skips empty lines before an answer. */
  #acceptsBeginning(): boolean {
    const packet = this.#packet;
    let at = this.#at;
    while (packet[at] === carriageReturn || packet[at] === lineFeed) at += 1;
    this.#at = at;
    if (at >= packet.length || packet[at] === letterH) return true;
    const beginning = packet.toString('latin1', at, at + 16);
    this.#refuse(upstreamRefusals['bad-answer'](`it begins with ${JSON.stringify(beginning)}`));
    return false;
  }

  /** An interim head has no body: the next head begins after its empty line in the packet. */
  #skipHead(): void {
    const before = this.#before;
    const across = (before + this.#packet.toString('latin1', 0, 3)).indexOf(emptyLine);
    const isAcross = before !== '' && across >= 0;
    this.#at =
      emptyLine.length + (isAcross ? across - before.length : this.#packet.indexOf(emptyLine, this.#at));
  }

  takeHeader(bytes: number): void {
    const parser = this.#parser;
    if (this.#socket.destroyed) return;
    parser.headersSize += bytes;
    const count = parser.headers.length / 2;
    if (parser.headersSize <= maxAnswerHeadBytes && count <= maxAnswerHeaders) return;
    const limits = `the limits are ${maxAnswerHeadBytes} bytes and ${maxAnswerHeaders} headers`;
    this.#refuse(upstreamRefusals['answer-head-too-large'](limits));
  }

  acceptsHead(status: number, upgrade: boolean): boolean {
    if (this.#socket.destroyed) return false;
    this.#inHead = false;
    const problem = this.#versionProblem() ?? statusProblem(status, upgrade) ?? this.#framingProblem();
    if (problem !== undefined) this.#refuse(upstreamRefusals['bad-answer'](problem));
    // After 101 another protocol follows.
    else if (status >= 200 || status === 101) this.#interim = 0;
    else if (++this.#interim > maxInterimHeads)
      this.#refuse(upstreamRefusals['too-many-interim'](`the limit is ${maxInterimHeads}`));
    else {
      this.#skipHead();
      this.#acceptsBeginning();
    }
    return !this.#socket.destroyed;
  }

  #versionProblem(): string | undefined {
    const { llhttp, ptr } = this.#parser;
    const major = llhttp.llhttp_get_http_major(ptr);
    const minor = llhttp.llhttp_get_http_minor(ptr);
    return major === 1 ? undefined : `its version is HTTP/${major}.${minor}`;
  }

  #framingProblem(): string | undefined {
    const parser = this.#parser;
    if (parser.hasTransferEncoding) {
      if (parser.llhttp.llhttp_get_http_minor(parser.ptr) === 0) return 'transfer-encoding in HTTP/1.0';
      const codings = valuesOf(parser.headers, 'transfer-encoding');
      const [coding = ''] = codings;
      // Only one coding can be decoded here, and the client would not learn of the others.
      if (codings.length > 1 || coding.toLowerCase() !== 'chunked')
        return `transfer-encoding: ${JSON.stringify(codings.join(', '))}`;
    }
    if (parser.contentLength === -1) return undefined;
    // undici counts a blank after the number as a digit.
    const [length = ''] = valuesOf(parser.headers, 'content-length');
    parser.contentLength = Number(length);
    return Number.isSafeInteger(parser.contentLength) ? undefined : `content-length: ${length}`;
  }

  #refuse(reply: Refusal): void {
    this.#socket.destroy(new AnswerError(reply));
  }
}

/** Only these are statuses (RFC 9110 section 15). undici knows whether an upgrade was requested; this one names no protocol. */
function statusProblem(status: number, upgrade: boolean): string | undefined {
  if (status === 101 && !upgrade) return 'it switches protocols without saying to which';
  return status >= 100 && status <= 599 ? undefined : `its status is ${status}`;
}

function valuesOf(headers: readonly Buffer[], name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const candidate = headers[at] as Buffer;
    if (candidate.length === name.length && candidate.toString('latin1').toLowerCase() === name)
      values.push((headers[at + 1] as Buffer).toString('latin1').trim());
  }
  return values;
}
