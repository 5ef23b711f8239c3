import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newRequestId, type Readiness, type Refusal, refusals, renderReply } from '../gateway/index.ts';
import type { ListenAddress } from './address.ts';
import { prometheusType } from './prometheus.ts';

/** What the admin address reports on: mostly the gateway. */
export interface AdminSubject {
  ready(withinMs: number): Promise<ReadonlyMap<string, Readiness>>;
  /** Whether the server accepts no more requests. */
  stopping(): boolean;
  /** All metrics in Prometheus's text format. */
  metrics(): string;
  /** Told of each request that is refused; the id is in the answer too. */
  refused(id: string, reply: Refusal, method: string, path: string): void;
}

export interface RunningAdmin {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

export const adminRefusals = refusals('admin', {
  'not-found': [404, 'There is no such page'],
  'method-not-allowed': [405, 'Only GET and HEAD are answered here'],
});

const pages: readonly string[] = ['/healthz', '/readyz', '/metrics'];

/** Probes give up after some seconds; the answer comes before that. */
const readyWithinMs = 2_000;

/**
 * Answers for monitoring: `GET /healthz` (it lives), `GET /readyz` (it can serve) and `GET /metrics` (for Prometheus).
 *
 * `/readyz` gives 200 or 503 and `{ready, stopping, services: {NAME: {ready, code?, detail?}}}`. Requests are not authenticated:
 * listen on an address that only monitoring can reach.
 *
 * @throws the system's error when the address cannot be listened on
 */
export async function startAdmin(subject: AdminSubject, listen: ListenAddress): Promise<RunningAdmin> {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 5_000 },
    function answer(request, response) {
      answerAdmin(subject, request, response).catch(function broken() {
        response.destroy();
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: listen.host, port: listen.port }, () => resolve());
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    address: { host: address, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerAdmin(
  subject: AdminSubject,
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = url.split('?', 1)[0] as string;
  function refuseIt(reply: Refusal): void {
    const id = newRequestId();
    const { headers, body } = renderReply(reply, id);
    subject.refused(id, reply, method, path);
    response.writeHead(reply.status, headers).end(body);
  }
  if (!pages.includes(path)) return refuseIt(adminRefusals['not-found']());
  if (method !== 'GET' && method !== 'HEAD')
    return refuseIt(adminRefusals['method-not-allowed'](undefined, ['allow', 'GET, HEAD']));
  if (path === '/healthz') return sendJson(response, 200, { alive: true });
  if (path === '/metrics') return send(response, 200, prometheusType, subject.metrics());
  const services = await subject.ready(readyWithinMs);
  const stopping = subject.stopping();
  const ready = !stopping && [...services.values()].every((one) => one.ready);
  sendJson(response, ready ? 200 : 503, {
    ready,
    stopping,
    services: Object.fromEntries([...services].map(([name, one]) => [name, describe(one)])),
  });
}

function describe(readiness: Readiness): unknown {
  if (readiness.ready) return { ready: true };
  const { code, detail } = readiness;
  return { ready: false, code, detail };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(value)}\n`);
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  const headers = ['content-type', type, 'cache-control', 'no-store'];
  response.writeHead(status, [...headers, 'content-length', String(body.byteLength)]).end(body);
}
