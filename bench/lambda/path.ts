import { createHmac } from 'node:crypto';
import http from 'node:http';
import { call, type HttpAnswer } from '../../test/e2e/lab/http.ts';
import type { HttpApi } from '../../test/e2e/lab/http-api.ts';
import type { FunctionOptions, Lab } from '../../test/e2e/lab/lab.ts';
import type { Sandbox } from '../../test/e2e/lab/sandbox.ts';

const secret = 'a secret of the bench';
const kilobyte = 1_024;

/** The forwarder behind an HTTP API, and a client of it. */
export interface Path {
  readonly forwarder: Sandbox;
  /** Sends a GitHub webhook of 1 KB, signed, which the target answers with 1 KB; returns the milliseconds until the last byte. */
  webhook(): Promise<number>;
  /** Sends bytes unchanged; the target returns as many. */
  bytes(body: Buffer): Promise<number>;
  shutdown(): Promise<void>;
}

/** The configuration of every bench here: a signed webhook with a policy of two plugins, and a route for anything else. */
export function configuration(targetUrl: string): unknown {
  return {
    services: { builds: { targets: [{ url: targetUrl }], transport: 'tailnet', timeout: '20s' } },
    routes: {
      github: {
        match: { path: '/hooks/github', methods: ['POST'] },
        service: 'builds',
        plugins: {
          'source-ip': { allow: ['127.0.0.0/8', '192.0.2.0/24'] },
          webhook: { provider: 'github', secret: 'env:GITHUB_SECRET' },
          authorize: { allow: "webhook.event in ['push', 'ping']" },
        },
      },
      all: { match: { path: '/open/*' }, service: 'builds', open: true },
    },
  };
}

export const functionEnv = { GITHUB_SECRET: secret };

/** Starts a sandbox, in which nothing runs before the first request, and an HTTP API in front of it. */
export async function openPath(lab: Lab, options: FunctionOptions = {}): Promise<Path> {
  const config = configuration(`http://${lab.target.name}:8080`);
  const forwarder = await lab.forwarder({ config, env: functionEnv, ...options });
  const api = await lab.api(forwarder.invoke);
  return clientOf(forwarder, api, lab);
}

function clientOf(forwarder: Sandbox, api: HttpApi, lab: Lab): Path {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const event = signedPush();

  async function post(path: string, body: Buffer, headers: Record<string, string>): Promise<number> {
    const startMs = performance.now();
    const answer = await call(`${api.url}${path}?size=${body.length}`, {
      ...{ method: 'POST', headers, body, agent },
    });
    const tookMs = performance.now() - startMs;
    if (answer.status !== 200 || answer.body.length !== body.length) throw failure(answer, forwarder);
    lab.target.echo.take();
    return tookMs;
  }

  return {
    forwarder,
    webhook: () => post('/hooks/github', event.body, event.headers),
    bytes: (body) => post('/open/bytes', body, { 'content-type': 'application/octet-stream' }),
    async shutdown() {
      agent.destroy();
      await api.close();
      await forwarder.shutdown();
    },
  };
}

function signedPush(): { readonly body: Buffer; readonly headers: Record<string, string> } {
  const event = { ref: 'refs/heads/main', padding: '' };
  const padding = 'x'.repeat(kilobyte - JSON.stringify(event).length);
  const body = Buffer.from(JSON.stringify({ ...event, padding }));
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
  return { body, headers };
}

function failure(answer: HttpAnswer, forwarder: Sandbox): Error {
  const said = answer.body.toString('utf8', 0, 300);
  return new Error(
    `the API answered ${answer.status}: ${said}; the function's last lines:\n${forwarder.log.tail()}`,
  );
}
