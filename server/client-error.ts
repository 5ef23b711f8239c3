import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { after, type Clock } from '../base/clock.ts';
import {
  BodyError,
  type Gateway,
  newRequestId,
  type Refusal,
  renderReply,
  type SeenRequest,
} from '../gateway/index.ts';
import type { Connection } from './connection.ts';
import type { ListenerLimits } from './limits.ts';
import { httpRefusals } from './refusals.ts';

/** What an answer without a request needs from the listener. */
export interface RawHost {
  readonly limits: ListenerLimits;
  readonly clock: Clock;
  /** Told of each answer that the gateway does not give. */
  readonly refused: Gateway['refused'];
}

/** A connection on which the parser or a time limit gave up: says why unless an answer is being sent, and closes. */
export function onClientError(error: NodeJS.ErrnoException, connection: Connection, host: RawHost): void {
  const { code = '' } = error;
  const { inFlight = 0, latest, broken } = connection;
  if (!connection.writable || (!code.startsWith('HPE_') && !code.startsWith('ERR_HTTP_'))) {
    connection.destroy();
    return;
  }
  if (broken) return;
  // Bytes after a request that said `connection: close`: the answer to that one still counts.
  if (code === 'HPE_CLOSED_CONNECTION' && inFlight > 0) return;
  const reply = replyOf(error, host.limits);
  if (inFlight === 0) {
    // In the rest of a body whose request was answered: a second answer would be taken for that of the next request.
    if (latest?.request.complete === false) closeSoon(connection, host);
    else answerRaw(connection, reply, host);
    return;
  }
  connection.broken = true;
  // In the body of a request under way: its reader gets an error, and the gateway answers. In the head of the next
  // one, the answers before it go out first.
  if (latest !== undefined && !latest.request.complete) latest.request.destroy(new BodyError(reply));
}

/**
 * Refuses CONNECT. Node leaves the connection to its listener there, without drain, end or close for the answers that are under way
 * on it: they end here, and so does the connection.
 */
export function onConnect(request: IncomingMessage, connection: Connection, host: RawHost): void {
  if (connection.inFlight || !connection.writable) {
    for (let sink = connection.latest; sink !== undefined; sink = sink.previous) sink.drop();
    connection.destroy();
    return;
  }
  answerRaw(connection, httpRefusals.connect(), host, request);
  // What the client still sends is thrown away: a connection that is closed with unread bytes is reset, and the answer is lost.
  connection.resume();
}

/** Answers although there is no request, and closes; what still comes is thrown away for a while. */
function answerRaw(
  connection: Connection,
  reply: Refusal,
  { limits, clock, refused }: RawHost,
  request?: IncomingMessage,
): void {
  const id = newRequestId();
  const { headers, body } = renderReply(reply, id);
  refused(seenOf(connection, request), id, reply, body.byteLength);
  let head = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}\r\nconnection: close\r\n`;
  for (let at = 0; at + 1 < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  connection.write(`${head}\r\n`, 'latin1');
  connection.write(body);
  closeSoon(connection, { limits, clock });
}

/** What was written is still sent. */
function closeSoon(connection: Connection, { limits, clock }: Pick<RawHost, 'limits' | 'clock'>): void {
  connection.broken = true;
  connection.end();
  const stopTimer = after(clock, limits.lingerMs, () => connection.destroy());
  connection.once('close', stopTimer);
}

/** What the log can say about it. */
export function seenOf({ clientIp }: Connection, request?: IncomingMessage): SeenRequest {
  if (request === undefined) return { clientIp };
  const { method = '', url = '', rawHeaders } = request;
  return { clientIp, method, target: url, headers: rawHeaders };
}

function replyOf(error: NodeJS.ErrnoException, { headerBytes }: ListenerLimits): Refusal {
  const detail = `${error.code}: ${(error as { reason?: string }).reason ?? error.message}`;
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return httpRefusals['headers-too-large'](`${detail}; the limit is ${headerBytes} bytes (headerSize)`);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return httpRefusals.timeout(detail);
    case 'HPE_PAUSED_H2_UPGRADE':
      return httpRefusals.version(detail);
    case 'HPE_INVALID_TRANSFER_ENCODING':
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
      return httpRefusals['ambiguous-length'](detail);
    default:
      return httpRefusals.malformed(detail);
  }
}
