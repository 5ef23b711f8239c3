import type { IncomingMessage } from 'node:http';

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

/** What the parser knows about a connection in addition to its events; Node uses it for its own errors (`rawPacket`). */
interface ParserOfConnection {
  readonly parser?: { getCurrentBuffer?(): Buffer | undefined } | null;
}

/**
 * Says what speaks against a request being HTTP: Node's parser takes `GET / RTSP/1.0` for a request and keeps the protocol's name to itself.
 *
 * By its method; by the header CSeq, which every RTSP request has (RFC 2326 section 12.17); and by its line, if that came in the packet in
 * which the headers end. The parser copies that packet: 0 to 4 µs for a request. What is left is handled as the HTTP/1 that it looks like.
 */
export function foreignProtocol(request: IncomingMessage): string | undefined {
  const { method = '', rawHeaders } = request;
  if (foreignMethods.has(method)) return `${method} is a method of RTSP or ICE`;
  if (!sharedMethods.has(method)) return undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'cseq') return 'CSeq is a header of RTSP';
  }
  return foreignLine(request);
}

function foreignLine({ socket, method = '', url = '' }: IncomingMessage): string | undefined {
  const packet = (socket as ParserOfConnection).parser?.getCurrentBuffer?.();
  if (packet === undefined || !packet.includes(foreignVersion, 0, 'latin1')) return undefined;
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
