import http from 'node:http';
import type { TunnelNotReady } from '../gateway/index.ts';
import { TunnelError } from '../tunnel/causes.ts';
import { type DiagnosisTarget, diagnose } from '../tunnel/diagnose.ts';
import type { Dial } from '../tunnel/dial-outcome.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';

const maxWithinMs = 30_000;
/** Kept back from the caller's limit, so that the answer arrives within it. */
const marginMs = 20;
const maxConnections = 64;

interface Answer {
  readonly status: number;
  readonly body: object;
}

/**
 * Answers on 127.0.0.1 whether the tunnel is ready, and why a connection failed; gateway/upstream/tailnet/tunnel.ts describes it.
 *
 * @throws TunnelError when the port is taken
 */
export async function serveReadiness(tunnel: Tunnel, port: number, dial: Dial): Promise<http.Server> {
  const server = http.createServer(function answerReadiness(request, response) {
    request.resume();
    respond(tunnel, dial, request.method, request.url ?? '/')
      .catch((error: unknown) => problem(500, `The extension failed: ${String(error)}`))
      .then(({ status, body }) => {
        const type = status === 200 ? 'application/json' : 'application/problem+json';
        response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
      });
  });
  server.maxConnections = maxConnections;
  // A function keeps its connection over a freeze; the next request on it must not meet a closing socket.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.on('error', (error) =>
      reject(
        new TunnelError(
          'tunnel:misconfigured',
          `Readiness cannot listen on 127.0.0.1:${port} (${error.message}): set POSTERN_SOCKS_PORT to a port that is free, as the next one.`,
        ),
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

async function respond(
  tunnel: Tunnel,
  dial: Dial,
  method: string | undefined,
  requestTarget: string,
): Promise<Answer> {
  const url = URL.parse(requestTarget, 'http://127.0.0.1');
  if (url === null || (url.pathname !== '/ready' && url.pathname !== '/diagnose')) {
    return problem(404, 'There is /ready?within=MS and /diagnose?target=HOST:PORT&within=MS.');
  }
  if (method !== 'GET') return problem(400, 'Only GET is answered.');
  const withinMs = parseWithin(url.searchParams.get('within'));
  if (withinMs === undefined) return problem(400, `within is milliseconds, 1 to ${maxWithinMs}.`);
  const budgetMs = Math.max(1, withinMs - marginMs);
  if (url.pathname === '/ready') return readyAnswer(tunnel, budgetMs);

  const target = parseTarget(url.searchParams.get('target'));
  if (target === undefined) return problem(400, 'target is HOST:PORT, an IPv6 address in brackets.');
  return { status: 200, body: await diagnose(tunnel, dial, target, budgetMs) };
}

async function readyAnswer(tunnel: Tunnel, withinMs: number): Promise<Answer> {
  const readiness = await tunnel.ready(withinMs);
  return { status: readiness.ready ? 200 : 503, body: readiness };
}

function parseWithin(text: string | null): number | undefined {
  if (text === null || !/^[1-9][0-9]{0,4}$/.test(text)) return undefined;
  const ms = Number(text);
  return ms <= maxWithinMs ? ms : undefined;
}

/** A host of at most 253 characters that a name or an address may have, and a port. */
export function parseTarget(text: string | null): DiagnosisTarget | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([1-9][0-9]{0,4})$/.exec(text ?? '');
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

function problem(status: number, detail: string): Answer {
  const title = http.STATUS_CODES[status] ?? 'Error';
  return { status, body: { title, detail } satisfies Pick<TunnelNotReady, 'title' | 'detail'> };
}
