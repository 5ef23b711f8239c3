import type http from 'node:http';
import { after, type Clock, systemClock } from '../clock.ts';
import { withoutBrackets } from '../net/destination.ts';

const defaultMaxBytes = 65_536;

/** One small request. Its time and its size are limited. */
export interface Call {
  /** The path of a unix socket, or a URL of which only the origin is used. */
  readonly to: string | URL;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** For the whole exchange. Infinity never times out: only for a long poll. */
  readonly timeoutMs: number;
  /** Measures the limit. Default: the machine's clock. */
  readonly clock?: Clock;
  /** The longest accepted body. Default: 64 KiB. */
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
  /** ETIMEDOUT, EMSGSIZE or the code of the socket's error. */
  readonly code?: string;
  /** The connection was not made, so the server did not carry out the request. */
  readonly unsent?: boolean;
}

/**
 * For requests without TLS: with an empty name, Node does not check whether the host is an address. That check compiles a pattern of
 * all IPv6 addresses, which adds 3 ms to a cold start.
 */
export const noServerName = { servername: '' };

/**
 * Sends one request on its own connection and reads the whole answer. Redirects are not followed, because they would carry
 * credentials elsewhere.
 *
 * Uses node:http instead of fetch: fetch loads undici, which adds 25 ms and 14 MB to a cold start.
 *
 * @throws CallError
 */
export function call(options: Call): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const { to, body, timeoutMs, clock = systemClock, maxBytes = defaultMaxBytes } = options;
    const isSecure = typeof to !== 'string' && to.protocol === 'https:';
    // Not imported: importing node:http reads all its exports, and one of them loads fetch; node:https takes 12 ms more.
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
