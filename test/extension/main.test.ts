import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { bundleExtension } from '../../extension/layer/bundle.ts';
import { WebIdentity } from '../support/web-identity.ts';
import { FakeLambda } from './fake-lambda.ts';
import { FakeSecrets, type SecretsAnswer, secretError, secretText } from './fake-secrets.ts';

/** The layer as it would lie in /opt, but for tailscaled: a script in its place that does nothing for a minute. */
let layer = '';

before(async () => {
  layer = mkdtempSync(join(tmpdir(), 'postern-test-'));
  mkdirSync(join(layer, 'extensions'));
  mkdirSync(join(layer, 'bin'));
  writeFileSync(join(layer, 'extensions', 'postern'), await bundleExtension(process.execPath), {
    mode: 0o755,
  });
  writeFileSync(join(layer, 'bin', 'tailscaled'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
});

after(() => rmSync(layer, { recursive: true, force: true }));

interface Run {
  readonly lambda: FakeLambda;
  readonly secrets: FakeSecrets;
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly output: () => string;
}

async function run(t: TestContext, answer: SecretsAnswer, env: Record<string, string> = {}): Promise<Run> {
  const lambda = await new FakeLambda().start();
  const secrets = await new FakeSecrets(answer).start();
  const scratch = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const child = spawn(join(layer, 'extensions', 'postern'), [], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      TMPDIR: scratch,
      AWS_LAMBDA_RUNTIME_API: lambda.api,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIA1',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      POSTERN_TAILNET_SECRET_ID: 'postern/key',
      POSTERN_SOCKS_PORT: '31055',
      POSTERN_JOIN_TIMEOUT: '400ms',
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await exit;
    lambda.close();
    secrets.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  return { lambda, secrets, child, exit, output: () => output };
}

const failures = [
  [
    'the role may not read the secret',
    secretError(400, 'AccessDeniedException', 'no'),
    {},
    'Extension.SecretForbidden',
  ],
  ['the secret is malformed', secretText('{"no": "key"}'), {}, 'Extension.SecretMalformed'],
  [
    'a variable is wrong',
    secretText('tskey-auth-a1'),
    { POSTERN_SOCKS_PORT: 'x' },
    'Extension.Misconfigured',
  ],
  [
    'a key and an identity are both named',
    secretText('tskey-auth-a1'),
    { POSTERN_TAILNET_CLIENT_ID: 'client-1' },
    'Extension.Misconfigured',
  ],
  ['tailscaled does not come up', secretText('tskey-auth-s3cr3t'), {}, 'Extension.DaemonFailed'],
] as const;

for (const [why, answer, env, type] of failures) {
  test(`when ${why}, Lambda hears ${type}, and the process ends with 1`, async (t) => {
    const { lambda, exit, output } = await run(t, answer, env);
    assert.equal(await exit, 1);
    const told = await lambda.called('/init/error');
    assert.equal(told.headers['lambda-extension-function-error-type'], type);
    assert.deepEqual(
      lambda.calls.map((call) => call.path.split('/').slice(3).join('/')),
      ['register', 'init/error'],
    );
    assert.equal(lambda.calls[0]?.headers['lambda-extension-name'], 'postern');
    for (const line of output().trim().split('\n')) assert.equal(typeof JSON.parse(line).event, 'string');
    assert.ok(!`${output()}${told.body}`.includes('s3cr3t'));
  });
}

test('by the identity of its role it names the step that failed, before any secret is asked for', async (t) => {
  const sts = await new WebIdentity().start();
  sts.trouble = () => ({
    status: 403,
    code: 'OutboundWebIdentityFederationDisabledException',
    message: 'no',
  });
  t.after(() => sts.close());
  const { lambda, secrets, exit, output } = await run(t, secretText('tskey-auth-s3cr3t'), {
    POSTERN_TAILNET_SECRET_ID: '',
    POSTERN_TAILNET_CLIENT_ID: 'client-1',
    POSTERN_TAILNET_AUDIENCE: 'audience-1',
    POSTERN_TAILNET_TAGS: 'tag:postern',
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  assert.equal(await exit, 1);
  const told = await lambda.called('/init/error');
  assert.equal(told.headers['lambda-extension-function-error-type'], 'Extension.IdentityDisabled');
  assert.match(output(), /"code":"tunnel:identity-disabled"/);
  assert.equal(sts.requests.length, 1);
  assert.equal(secrets.requests.length, 0);
});

test('outside Lambda it says so and ends with 1', async (t) => {
  const { exit, output } = await run(t, secretText('tskey-auth-a1'), { AWS_LAMBDA_RUNTIME_API: '' });
  assert.equal(await exit, 1);
  assert.match(output(), /is a Lambda extension/);
});
