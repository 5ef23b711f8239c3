import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { hasHeader } from '../base/http/headers.ts';

/** Methods that Node's parser takes only in RTSP or ICE (Icecast), and SOURCE, for which it does not say which protocol it came in. */
const foreignMethods = new Set([
  'DESCRIBE',
  'ANNOUNCE',
  'SETUP',
  'PLAY',
  'PAUSE',
  'TEARDOWN',
  'GET_PARAMETER',
  'SET_PARAMETER',
  'REDIRECT',
  'RECORD',
  'FLUSH',
  'SOURCE',
]);

/** The methods that RTSP shares with HTTP; ICE has no methods in common with it. */
const sharedMethods = new Set(['GET', 'POST', 'OPTIONS']);
const foreignVersion = ' RTSP/';
const foreignLine = /(?:GET|POST|OPTIONS) +[^ \r\n]+ +RTSP\//;

/** The part that is used of the parser that Node keeps with a connection; 0 is HTTPParser.kOnMessageBegin, 5 is kOnExecute. */
interface Parser {
  0: (() => void) | null;
  5: ((result: unknown) => void) | null;
  getCurrentBuffer(): Buffer;
}

/** How much is kept of a line that is not finished at the end of a packet. */
const keptCharacters = 256;

/**
 * Reads the request lines of a connection. At the end of a head Node's parser has only the last packet, so the end of the line is kept
 * when a head arrives in more than one.
 *
 * Node reuses its parsers. It resets both functions before it gives the parser to another connection.
 */
export class RequestLine {
  readonly #parser: Parser;
  /** A head has begun and has not ended. */
  #open = false;
  /** The end of the last line in the first packet of this head, the request line or a header; undefined until that packet ends. */
  #begun: string | undefined = undefined;
  /** That line has ended, and only headers follow. */
  #finished = false;
  #foreign = false;
  /** The next head is the first thing in its packet, except for empty lines. */
  #isFirst = true;
  #request: IncomingMessage | undefined = undefined;

  constructor(connection: Socket) {
    const { parser } = connection as unknown as { readonly parser: Parser };
    this.#parser = parser;
    const onPacketEnd = parser[5];
    parser[0] = () => this.#begin();
    parser[5] = (result) => {
      if (this.#open) this.#keep();
      this.#isFirst = !this.#open && this.#request?.complete !== false;
      onPacketEnd?.(result);
    };
  }

  /** Called when the head has ended. Returns the protocol that its line names, or undefined for HTTP and for methods that RTSP does not have. */
  end(request: IncomingMessage): string | undefined {
    const { method = '', url = '' } = request;
    const isFirst = this.#isFirst;
    this.#open = false;
    this.#isFirst = false;
    this.#request = request;
    if (!sharedMethods.has(method)) return undefined;
    if (this.#begun === undefined) {
      const { packet } = this;
      return isFirst && beginsWithHttp(packet, method, url) ? undefined : foreignIn(packet, method, url);
    }
    if (!this.#finished) this.#continue(this.#begun);
    return this.#foreign ? 'RTSP' : undefined;
  }

  /** A copy of the packet that is being parsed. */
  get packet(): Buffer {
    return this.#parser.getCurrentBuffer();
  }

  #begin(): void {
    this.#open = true;
    this.#begun = undefined;
    this.#finished = false;
    this.#foreign = false;
  }

  /** Called at the end of each packet in which the head has not ended. */
  #keep(): void {
    if (this.#begun !== undefined) {
      if (!this.#finished) this.#continue(this.#begun);
      return;
    }
    const { packet } = this;
    // The first packet of a head can also hold earlier requests; the last of them ends with an empty line or with its body.
    const start = packet.lastIndexOf('\r\n\r\n') + 1;
    const line = Math.max(start, packet.lastIndexOf('\n') + 1);
    this.#foreign = foreignLine.test(packet.toString('latin1', start, line));
    this.#begun = packet.toString('latin1', Math.max(line, packet.length - keptCharacters));
  }

  #continue(begun: string): void {
    const { packet } = this;
    const end = packet.indexOf('\n') + 1;
    if (end === 0) {
      const rest = packet.toString('latin1', Math.max(0, packet.length - keptCharacters));
      this.#begun = (begun + rest).slice(-keptCharacters);
      return;
    }
    this.#finished = true;
    const line = begun + packet.toString('latin1', 0, end);
    // The beginning of a long line was not kept, so it may be the request line.
    this.#foreign ||=
      begun.length === keptCharacters ? line.includes(foreignVersion) : foreignLine.test(line);
  }
}

/**
 * Says what speaks against a request being HTTP: Node's parser takes `GET / RTSP/1.0` for a request and keeps the protocol's name to itself.
 *
 * By its line, for which the parser copies the last packet of the head: 0 to 4 µs for a request; by its method; and by the header CSeq,
 * which every RTSP request has (RFC 2326 section 12.17).
 */
export function foreignProtocol(request: IncomingMessage): string | undefined {
  const { socket, method = '', rawHeaders } = request;
  const named = (socket as Socket & { readonly requestLine?: RequestLine }).requestLine?.end(request);
  if (named !== undefined) return named;
  if (foreignMethods.has(method)) return `${method} is a method of RTSP or ICE`;
  if (!sharedMethods.has(method)) return undefined;
  return hasHeader(rawHeaders, 'cseq') ? 'CSeq is a header of RTSP' : undefined;
}

const blank = 0x20;
const letterH = 0x48;

/** Whether the packet begins with this request line, with one blank on each side of the target, and the protocol begins with H. */
function beginsWithHttp(packet: Buffer, method: string, url: string): boolean {
  const target = method.length + 1;
  const end = target + url.length;
  if (packet[0] !== method.charCodeAt(0) || packet[target] === blank) return false;
  return packet[end] === blank && packet[end + 1] === letterH;
}

function foreignIn(packet: Buffer, method: string, url: string): string | undefined {
  if (!packet.includes(foreignVersion, 0, 'latin1')) return undefined;
  const text = packet.toString('latin1');
  for (let at = text.indexOf(foreignVersion); at >= 0; at = text.indexOf(foreignVersion, at + 1)) {
    // The same words elsewhere, as in the body of an earlier request, follow another method and target.
    const start = withoutBlanks(text, at) - url.length;
    const end = withoutBlanks(text, start);
    if (end < start && text.startsWith(url, start) && text.startsWith(method, end - method.length))
      return text.slice(at + 1, at + foreignVersion.length + 3);
  }
  return undefined;
}

/** Where the text ends when what is before `end` loses its blanks. */
function withoutBlanks(text: string, end: number): number {
  let at = end;
  while (text[at - 1] === ' ') at -= 1;
  return at;
}
