import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

/** What the target received, unchanged. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bodyBytes: number;
  readonly bodySha256: string;
}

export interface PrivateTarget {
  readonly socketPath: string;
  /** The request with this id, when it arrived. */
  seen(id: string): SeenRequest | undefined;
  close(): Promise<void>;
}

const remembered = 100;

/** Starts the private server on a unix socket, so that no port of this machine leads to it. */
export async function startPrivateTarget(): Promise<PrivateTarget> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-demo-'));
  const socketPath = join(folder, 'target.sock');
  const requests = new Map<string, SeenRequest>();
  const server = createServer(async function answer(request, response) {
    const body = await buffer(request);
    const seen: SeenRequest = {
      method: request.method ?? '',
      target: request.url ?? '',
      headers: request.headers,
      bodyBytes: body.length,
      bodySha256: createHash('sha256').update(body).digest('hex'),
    };
    requests.set(String(request.headers['x-request-id']), seen);
    if (requests.size > remembered) requests.delete(requests.keys().next().value as string);
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify({ accepted: request.headers['x-github-event'], bytes: body.length })}\n`);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve));
  return {
    socketPath,
    seen: (id) => requests.get(id),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
