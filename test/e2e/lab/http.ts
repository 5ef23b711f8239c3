import http from 'node:http';
import https from 'node:https';

export interface HttpAnswer {
  readonly status: number;
  /** Names and values, flat, as received. */
  readonly rawHeaders: readonly string[];
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  readonly limitMs?: number;
  /** The address to call from. */
  readonly from?: string;
  /** A unix socket instead of the URL's host and port. */
  readonly socketPath?: string;
  readonly authority?: string | Buffer;
  readonly agent?: http.Agent;
}

/**
 * Makes one request, on a connection of its own unless an agent is given, and reads the answer whole.
 *
 * The target goes out as written after the host: nothing is encoded or normalized, unlike with fetch.
 *
 * @throws Error when the connection fails or the answer takes longer than `limitMs` (30 s)
 */
export function call(url: string, request: HttpRequest = {}): Promise<HttpAnswer> {
  const [, scheme, host, target] = /^(https?):\/\/([^/]+)(.*)$/.exec(url) ?? [];
  if (scheme === undefined || host === undefined) throw new Error(`not an absolute URL: ${url}`);
  const { hostname, port } = new URL(`http://${host}`);
  const options = {
    ...(request.socketPath === undefined
      ? { host: hostname.replace(/^\[|\]$/g, ''), port: port || (scheme === 'https' ? 443 : 80) }
      : { socketPath: request.socketPath }),
    path: target === '' ? '/' : target,
    method: request.method ?? 'GET',
    headers: { host, ...request.headers } as http.OutgoingHttpHeaders,
    agent: request.agent ?? false,
    ...(request.from === undefined ? {} : { localAddress: request.from }),
    ...(request.authority === undefined ? {} : { ca: request.authority }),
  };
  return new Promise((resolve, reject) => {
    const read = (answer: http.IncomingMessage): void => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        clearTimeout(timer);
        const { statusCode = 0, rawHeaders, headers } = answer;
        resolve({ status: statusCode, rawHeaders, headers, body: Buffer.concat(chunks) });
      });
    };
    const outgoing = scheme === 'https' ? https.request(options, read) : http.request(options, read);
    const limitMs = request.limitMs ?? 30_000;
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`${options.method} ${url}: no whole answer within ${limitMs} ms`));
    }, limitMs);
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    if (request.body !== undefined && request.headers?.['content-length'] === undefined) {
      outgoing.setHeader('content-length', Buffer.byteLength(request.body));
    }
    outgoing.end(request.body);
  });
}

/** Makes a request with a JSON body and reads a JSON answer; anything but a 2xx is an error with the answer's text. */
export async function callJson<T>(
  url: string,
  request: Omit<HttpRequest, 'body'> & { json?: unknown } = {},
): Promise<T> {
  const { json, ...rest } = request;
  const answer = await call(url, {
    ...rest,
    headers: { ...rest.headers, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = answer.body.toString();
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${request.method ?? 'GET'} ${url}: ${answer.status} ${text.slice(0, 300)}`);
  }
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
