import http from 'node:http';
import { after, type Clock, systemClock } from '../clock.ts';

/** One small request: everything about it has a limit. */
export interface Call {
  /** Where to: a unix socket, or a URL whose origin counts. */
  readonly to: string | URL;
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** For the whole exchange. Infinity waits for ever: only for a long poll. */
  readonly timeoutMs: number;
  /** Measures the limit. Default: the machine's. */
  readonly clock?: Clock;
  /** The longest body accepted; 64 KiB unless told. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Certificates to trust over TLS instead of Node's own, as PEM. */
  readonly ca?: readonly string[] | undefined;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/**
 * For requests without TLS: Node does not have to find out whether the host is a name or an address, for which it compiles a pattern of all
 * IPv6 addresses, 3 ms of a cold start.
 */
export const noServerName = { servername: '' };

/**
 * Sends one request and reads the whole answer.
 *
 * node:http and not fetch: fetch loads undici, which costs 25 ms and 14 MB at a cold start.
 *
 * @throws Error with `code` ETIMEDOUT, EMSGSIZE or the socket's own
 */
export function call(options: Call): Promise<CallAnswer> {
  return new Promise((resolve, reject) => {
    const { body, timeoutMs, clock = systemClock, maxBytes = 65_536 } = options;
    const request = clientOf(options.to)(
      {
        ...addressOf(options.to),
        method: options.method,
        path: options.path,
        headers: { ...options.headers, 'content-length': Buffer.byteLength(body ?? '') },
        agent: false,
        ...(isSecure(options.to) ? { ca: options.ca as string[] | undefined } : noServerName),
        signal: options.signal,
      },
      function collect(answer) {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', function keep(chunk: Buffer) {
          bytes += chunk.length;
          if (bytes > maxBytes) fail('EMSGSIZE', `the answer is longer than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    function fail(code: string, message: string): void {
      reject(Object.assign(new Error(message), { code }));
      request.destroy();
    }

    request.on('error', reject);
    if (Number.isFinite(timeoutMs)) {
      const late = () => fail('ETIMEDOUT', `no answer within ${Math.round(timeoutMs)} ms`);
      request.on('close', after(clock, timeoutMs, late));
    }
    request.end(body);
  });
}

/** node:https costs 12 ms to load, so it is loaded where an https address is called. */
function clientOf(to: string | URL): typeof http.request {
  return (isSecure(to) ? process.getBuiltinModule('node:https') : http).request;
}

function isSecure(to: string | URL): boolean {
  return typeof to !== 'string' && to.protocol === 'https:';
}

function addressOf(to: string | URL): http.RequestOptions {
  if (typeof to === 'string') return { socketPath: to };
  return { host: to.hostname.replace(/^\[|\]$/g, ''), port: to.port };
}

/** The code of a socket's or a call's error, or its name: short enough for a sentence. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
