import http from 'node:http';
import { AwsClient } from 'aws4fetch';
import { hubAddress } from './network.ts';
import { type Running, start, until } from './process.ts';

/** Secrets Manager, as moto plays it. */
export interface SecretsManager {
  readonly url: string;
  readonly running: Running;
  /** Makes the secret, or gives it a new current version. */
  put(name: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

const region = 'us-east-1';
const port = 5000;

/** Starts moto's server with no secrets in it; a third of a second. */
export async function startSecretsManager(motoServer: string): Promise<SecretsManager> {
  const argv = [motoServer, '--host', hubAddress, '--port', String(port)];
  const running = start('moto', argv, { env: { HOME: '/tmp', PYTHONUNBUFFERED: '1' } });
  const url = `http://${hubAddress}:${port}`;
  await until('moto answers', async () => (await fetch(`${url}/moto-api/`)).ok || undefined, { running });
  const client = new AwsClient({
    accessKeyId: 'lab',
    secretAccessKey: 'lab',
    service: 'secretsmanager',
    region,
  });

  async function call(action: string, json: unknown): Promise<{ ok: boolean; text: string }> {
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `secretsmanager.${action}`,
    };
    const answer = await client.fetch(`${url}/`, { method: 'POST', headers, body: JSON.stringify(json) });
    return { ok: answer.ok, text: await answer.text() };
  }

  return {
    url,
    running,
    async put(name, value) {
      const made = await call('CreateSecret', { Name: name, SecretString: value });
      if (made.ok) return;
      const changed = await call('PutSecretValue', { SecretId: name, SecretString: value });
      if (!changed.ok) throw new Error(`moto: CreateSecret: ${made.text}; PutSecretValue: ${changed.text}`);
    },
    async stop() {
      await running.stop('SIGTERM', 1_000);
    },
  };
}

/** How a Secrets Manager that fails fails: with an error of the service, or by never answering. */
export type SecretsFailure =
  | { readonly code: string; readonly status: number; readonly message: string }
  | 'silent';

/** What AWS says when a role may not read a secret, which moto never says (API_GetSecretValue, Common Errors). */
export const accessDenied: SecretsFailure = {
  code: 'AccessDeniedException',
  status: 400,
  message:
    'User is not authorized to perform: secretsmanager:GetSecretValue because no identity-based policy allows it',
};

/** Starts a Secrets Manager that fails on every call, on a port of its own. */
export async function startFailingSecretsManager(
  failure: SecretsFailure,
): Promise<{ readonly url: string; readonly calls: number; stop(): Promise<void> }> {
  let calls = 0;
  const server = http.createServer((request, response) => {
    calls += 1;
    request.resume();
    if (failure === 'silent') return;
    const body = JSON.stringify({ __type: failure.code, Message: failure.message });
    response.writeHead(failure.status, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-errortype': failure.code,
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, hubAddress, resolve));
  return {
    url: `http://${hubAddress}:${(server.address() as { port: number }).port}`,
    get calls() {
      return calls;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
