import { createHash } from 'node:crypto';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request as the private server received it, nothing normalized. */
export interface Received {
  readonly method: string;
  /** The request target as it was on the wire. */
  readonly target: string;
  /** Names and values, flat, in order and case. */
  readonly rawHeaders: readonly string[];
  readonly bodyBytes: number;
  readonly bodySha256: string;
  /** The body itself, when it is small: 64 KiB or less. */
  readonly body: Buffer | undefined;
  /** The connection's number, counted from 1: equal numbers mean a connection used again. */
  readonly connection: number;
}

/** A private HTTP server that answers as the query tells it and remembers what it received. */
export interface Echo {
  readonly port: number;
  readonly received: readonly Received[];
  readonly connections: number;
  /** The last request, and forgets all. */
  take(): Received;
  close(): Promise<void>;
}

const keepBodyBytes = 64 * 1024;

/**
 * Starts the server on 127.0.0.1.
 *
 * What it answers is in the query: `status` (200), `delay` in ms (0), `size` of the body in bytes, `chunked`, `close`
 * (the connection), `reset` (instead of an answer), `cookies` (that many set-cookie), `type` (content-type), `binary`
 * (random bytes instead of text), `header` (NAME:VALUE, repeatable), `early` (103 first). Without `size` the body is
 * JSON that tells the method, the target and the body's hash.
 */
export async function startEcho(port: number): Promise<Echo> {
  const received: Received[] = [];
  const numbers = new WeakMap<object, number>();
  let connections = 0;
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const one: Received = {
        method: request.method ?? '',
        target: request.url ?? '',
        rawHeaders: request.rawHeaders,
        bodyBytes: body.length,
        bodySha256: sha256(body),
        body: body.length <= keepBodyBytes ? body : undefined,
        connection: numbers.get(request.socket) ?? 0,
      };
      received.push(one);
      answer(one, response).catch((error: Error) => response.destroy(error));
    });
  });
  server.on('connection', (socket) => {
    connections += 1;
    numbers.set(socket, connections);
  });
  // Longer than any freeze, so that only the other side closes.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    received,
    get connections() {
      return connections;
    },
    take() {
      const last = received.at(-1);
      if (last === undefined) throw new Error('the private server has received nothing');
      received.length = 0;
      return last;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(one: Received, response: http.ServerResponse): Promise<void> {
  const query = new URLSearchParams(one.target.split('?')[1] ?? '');
  const delayMs = Number(query.get('delay') ?? 0);
  // Even a timer of 0 ms takes one.
  if (delayMs > 0) await sleep(delayMs);
  if (query.has('reset')) return void response.socket?.resetAndDestroy();
  if (query.has('early')) response.writeEarlyHints({ link: '</style.css>; rel=preload' });
  const body = answerBody(one, query);
  response.statusCode = Number(query.get('status') ?? 200);
  response.setHeader(
    'content-type',
    query.get('type') ?? (query.has('size') ? 'text/plain' : 'application/json'),
  );
  if (query.has('close')) response.setHeader('connection', 'close');
  const cookies = Array.from(
    { length: Number(query.get('cookies') ?? 0) },
    (_, at) => `c${at}=${at}; Path=/`,
  );
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  for (const header of query.getAll('header')) {
    const [name = '', value = ''] = header.split(/:(.*)/s);
    response.appendHeader(name, value);
  }
  if (!query.has('chunked')) response.setHeader('content-length', body.length);
  response.end(body);
}

function answerBody(one: Received, query: URLSearchParams): Buffer {
  if (query.has('size')) {
    const bytes = Number(query.get('size'));
    return query.has('binary') ? pattern(bytes) : Buffer.alloc(bytes, 'x');
  }
  const { method, target, bodyBytes, bodySha256 } = one;
  return Buffer.from(JSON.stringify({ method, target, bodyBytes, bodySha256 }));
}

/** Bytes of every value in an order that tests can make again. */
export function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 1) buffer[at] = (at * 31 + (at >> 8)) & 0xff;
  return buffer;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
