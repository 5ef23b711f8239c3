import type http from 'node:http';
import { after, type Clock, systemClock } from '../clock.ts';
import { withoutBrackets } from '../net/destination.ts';

const defaultMaxBytes = 65_536;

/** One small request: everything about it has a limit. */
export interface Call {
  /** Where to: a unix socket, or a URL whose origin counts. */
  readonly to: string | URL;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** For the whole exchange. Infinity waits for ever: only for a long poll. */
  readonly timeoutMs: number;
  /** Measures the limit. Default: the machine's. */
  readonly clock?: Clock;
  /** The longest body accepted; 64 KiB unless told. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Certificates to trust over TLS instead of Node's own, as PEM. */
  readonly ca?: readonly string[] | undefined;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What `call` throws. */
export interface CallError extends Error {
  /** ETIMEDOUT, EMSGSIZE or the socket's own. */
  readonly code?: string;
  /** The connection was never made, so the request was not carried out. */
  readonly unsent?: boolean;
}

/**
 * For requests without TLS: Node does not have to find out whether the host is a name or an address, for which it compiles a pattern of all
 * IPv6 addresses, 3 ms of a cold start.
 */
export const noServerName = { servername: '' };

/**
 * Sends one request, on a connection of its own, and reads the whole answer. Redirects are not followed: they would carry
 * credentials elsewhere.
 *
 * node:http and not fetch: fetch loads undici, which costs 25 ms and 14 MB at a cold start.
 *
 * @throws CallError
 */
export function call(options: Call): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const { to, body, timeoutMs, clock = systemClock, maxBytes = defaultMaxBytes } = options;
    const isSecure = typeof to !== 'string' && to.protocol === 'https:';
    // Not imported: an import of node:http reads all its exports, and one of them loads fetch; node:https takes 12 ms more.
    const client = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http');
    let unsent = true;
    const request = client.request(
      {
        ...addressOf(to),
        method: options.method,
        path: options.path,
        headers: options.headers,
        agent: false,
        ...(isSecure ? { ca: options.ca as string[] | undefined } : noServerName),
        signal: options.signal,
      },
      function collect(answer) {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', function keep(chunk: Buffer) {
          bytes += chunk.length;
          if (bytes > maxBytes) refuse('EMSGSIZE', `the answer is longer than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        answer.on('error', fail);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    function fail(error: Error): void {
      reject(Object.assign(error, { unsent }));
    }
    function refuse(code: string, message: string): void {
      fail(Object.assign(new Error(message), { code }));
      request.destroy();
    }

    request.on('error', fail);
    request.on('socket', (socket) =>
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        unsent = false;
      }),
    );
    if (Number.isFinite(timeoutMs)) {
      const late = () => refuse('ETIMEDOUT', `no answer within ${Math.round(timeoutMs)} ms`);
      request.on('close', after(clock, timeoutMs, late));
    }
    request.end(body);
  });
}

function addressOf(to: string | URL): http.RequestOptions {
  if (typeof to === 'string') return { socketPath: to };
  return { host: withoutBrackets(to.hostname), port: to.port || undefined };
}
