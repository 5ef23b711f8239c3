import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { withoutBrackets } from '../../base/net/destination.ts';
import { guardAnswers } from './answer-guard.ts';
import { joinShortWrites } from './joined-writes.ts';
import { upstreamRefusals } from './refusals.ts';
import { ConnectError, type Transport } from './transport.ts';

/** For a TLS handshake, after the connection below it was made. */
const handshakeMs = 10_000;

/** Makes a connection for undici within the given time. */
export type Connector = (
  options: buildConnector.Options,
  callback: buildConnector.Callback,
  withinMs: number,
) => void;

/** Makes undici's function for connections: through the transport, and for https with TLS on top. */
export function connectorThrough(transport: Transport): Connector {
  const secure = buildConnector({ allowH2: false, timeout: handshakeMs });
  return function connectThroughTransport(options, callback, withinMs) {
    const isSecure = options.protocol === 'https:';
    const host = withoutBrackets(options.hostname);
    const port = Number(options.port) || (isSecure ? 443 : 80);
    transport.connect({ host, port }, withinMs).then(
      function onConnected(socket) {
        if (!isSecure) return handOver(joinShortWrites(socket));
        function handOver(connected: Socket): void {
          if (connected.readableLength > 0) {
            // undici would drop the connection and make the next one at once, in a loop.
            connected.destroy();
            const detail = `${host}:${port} answered before it was asked`;
            return callback(new ConnectError(upstreamRefusals['bad-answer'](detail)), null);
          }
          callback(null, connected);
          if (!connected.destroyed) guardAnswers(connected);
        }
        function onBroken(error: Error): void {
          // The TLS socket is closed, but possibly not the one below it.
          socket.destroy();
          const detail = `${host}:${port}: ${reasonOf(error)}`;
          callback(new ConnectError(upstreamRefusals['tls-failed'](detail), { cause: error }), null);
        }
        try {
          secure({ ...options, servername: '', httpSocket: socket }, (error, tlsSocket) =>
            error === null ? handOver(tlsSocket) : onBroken(error),
          );
        } catch (error) {
          // Nothing handles a rejection of this promise: without an answer the request would hang until its deadline.
          onBroken(error as Error);
        }
      },
      function onFailed(error: Error) {
        callback(error, null);
      },
    );
  };
}

/** OpenSSL surrounds the reason with its own addresses and files. */
function reasonOf(error: Error & { readonly code?: string; readonly reason?: string }): string {
  if (error.code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'it does not speak TLS; if it speaks HTTP, write its url with http://';
  return error.reason ?? error.message;
}
