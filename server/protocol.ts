import type { IncomingMessage } from 'node:http';

/** Methods that Node's parser takes in RTSP or ICE (Icecast) alone, and SOURCE, of which it does not say in which it came. */
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

const foreignVersions = [' RTSP/1.0', ' ICE/1.0'];

/** What the parser says of a connection beside its events; Node uses it for its own errors (`rawPacket`). */
interface ParserOfConnection {
  readonly parser?: { getCurrentBuffer?(): Buffer | undefined } | null;
}

/**
 * Says what speaks against a request being HTTP: Node's parser takes `GET / RTSP/1.0` for a request and keeps the protocol's name to itself.
 *
 * By its method; by the header CSeq, which every RTSP request has (RFC 2326 section 12.17); and with version 1.0, which is the one that
 * those protocols have, by its line in the packet. A line that came in an earlier packet is told by the other two alone.
 */
export function foreignProtocol(request: IncomingMessage): string | undefined {
  const { method = '', httpVersionMinor, rawHeaders } = request;
  if (foreignMethods.has(method)) return `${method} is a method of RTSP or ICE`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'cseq') return 'CSeq is a header of RTSP';
  }
  return httpVersionMinor === 0 ? foreignLine(request) : undefined;
}

function foreignLine({ socket, url = '' }: IncomingMessage): string | undefined {
  const packet = (socket as ParserOfConnection).parser?.getCurrentBuffer?.()?.toString('latin1') ?? '';
  for (const version of foreignVersions) {
    for (let at = packet.indexOf(version); at >= 0; at = packet.indexOf(version, at + version.length)) {
      let end = at;
      while (packet[end - 1] === ' ') end -= 1;
      // The same words elsewhere, as in the body of a request before this one, stand behind another target.
      if (packet.startsWith(` ${url}`, end - url.length - 1)) return version.slice(1);
    }
  }
  return undefined;
}
