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
  /** Calls Secrets Manager's API by an action's name, such as DescribeSecret. @throws Error with what moto answered */
  call<T>(action: string, input: unknown): Promise<T>;
  /** Begins a rotation as AWS does before it calls the function: a new version with this id, without a value, is AWSPENDING. */
  beginRotation(name: string, token: string): Promise<void>;
  stop(): Promise<void>;
}

const region = 'us-east-1';
const port = 5000;

/** Starts moto's server with no secrets in it; a third of a second. */
export async function startSecretsManager(motoServer: readonly string[]): Promise<SecretsManager> {
  const argv = [...motoServer, '--host', hubAddress, '--port', String(port)];
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

  async function must<T>(action: string, input: unknown): Promise<T> {
    const { ok, text } = await call(action, input);
    if (!ok) throw new Error(`moto: ${action}: ${text}`);
    return JSON.parse(text) as T;
  }

  async function stagesOf(name: string): Promise<Readonly<Record<string, readonly string[]>>> {
    const described = { SecretId: name };
    type Described = { VersionIdsToStages: Record<string, string[]> };
    return (await must<Described>('DescribeSecret', described)).VersionIdsToStages;
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
    call: must,
    // moto leaves AWSPENDING where AWSCURRENT was moved to, and refuses a rotation then; and it makes the new version AWSCURRENT
    // at once, because there is no function that it could run. All labels are put where AWS has them.
    async beginRotation(name, token) {
      const move = (VersionStage: string, from: string | undefined, to: string | undefined) =>
        must('UpdateSecretVersionStage', {
          ...{ SecretId: name, VersionStage },
          ...(from === undefined ? {} : { RemoveFromVersionId: from }),
          ...(to === undefined ? {} : { MoveToVersionId: to }),
        });
      const before = await stagesOf(name);
      const [current, previous, pending] = ['AWSCURRENT', 'AWSPREVIOUS', 'AWSPENDING'].map((stage) =>
        Object.keys(before).find((version) => before[version]?.includes(stage)),
      );
      if (pending !== undefined && pending !== current) throw new Error(`a rotation is pending: ${pending}`);
      if (pending !== undefined) await move('AWSPENDING', pending, undefined);
      const rules = { RotationRules: { AutomaticallyAfterDays: 60 } };
      await must('RotateSecret', { SecretId: name, ClientRequestToken: token, ...rules });
      await move('AWSCURRENT', token, current);
      for (const [version, stages] of Object.entries(await stagesOf(name))) {
        const wrong = stages.includes('AWSPREVIOUS') && version !== previous;
        if (wrong) await move('AWSPREVIOUS', version, undefined);
      }
      const now = await stagesOf(name);
      if (previous !== undefined && !now[previous]?.includes('AWSPREVIOUS'))
        await move('AWSPREVIOUS', undefined, previous);
      await move('AWSPENDING', undefined, token);
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
export const accessDenied = {
  code: 'AccessDeniedException',
  status: 400,
  message:
    'User is not authorized to perform: secretsmanager:GetSecretValue because no identity-based policy allows it',
} as const satisfies SecretsFailure;

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
