import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthKey } from '../../extension/secret.ts';
import { parseAuthKey } from '../../tunnel/auth-key.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeSecrets, secretError, secretText } from './fake-secrets.ts';

const id = 'postern/key';

const keys = [
  ['the key alone', 'tskey-auth-a1', 'tskey-auth-a1'],
  ['the key with white space around it', ' hskey-auth-a1\n', 'hskey-auth-a1'],
  ['an object with the key in it', '{"key": "tskey-auth-a1", "id": "k1", "expires": 1}', 'tskey-auth-a1'],
] as const;

for (const [what, text, key] of keys) {
  test(`a secret may be ${what}`, () => assert.equal(parseAuthKey(text, id), key));
}

const wrong = [
  ['it is empty', '', /empty/],
  ['its key is empty', '{"key": ""}', /empty/],
  ['it only begins like JSON', '{"key": "tskey-auth-s3cr3t"', /begins like JSON/],
  ['its JSON has no key', '{"authkey": "tskey-auth-s3cr3t"}', /no string in the field "key"/],
  ['its key is not a text', '{"key": 12345678}', /no string in the field "key"/],
  ['it is a client secret', 'tskey-client-s3cr3t', /client secret/],
  ['it is an API token', '{"key": "tskey-api-s3cr3t"}', /API token/],
  ['it holds two words', 'tskey-auth-s3cr3t tskey-auth-s3cr3t', /no space/],
  ['it is longer than any key', `tskey-auth-s3cr3t${'x'.repeat(600)}`, /512/],
] as const;

for (const [why, text, message] of wrong) {
  test(`a secret is refused when ${why}, and not quoted`, () => {
    assert.throws(
      () => parseAuthKey(text, id),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'tunnel:secret-malformed');
        assert.match(error.message, message);
        assert.ok(error.message.includes(id));
        assert.ok(!error.message.includes('s3cr3t'));
        return true;
      },
    );
  });
}

const answers = [
  [
    'a secret that does not exist',
    secretError(400, 'ResourceNotFoundException', 'no'),
    'tunnel:secret-missing',
  ],
  [
    'a secret without a current value',
    secretError(400, 'com.x#ResourceNotFoundException', 'AWSCURRENT'),
    'tunnel:secret-missing',
  ],
  [
    'a role without the right',
    secretError(400, 'AccessDeniedException', 'not authorized'),
    'tunnel:secret-forbidden',
  ],
  [
    'a role without the right to its key',
    secretError(400, 'DecryptionFailure', 'kms'),
    'tunnel:secret-forbidden',
  ],
  ['expired credentials', secretError(403, 'ExpiredTokenException', 'expired'), 'tunnel:secret-forbidden'],
  ['a server that hangs up', 'hang up', 'tunnel:secret-unreachable'],
  ['a server that says nothing', 'silence', 'tunnel:secret-unreachable'],
  ['a server that fails', { status: 503, body: '<html>' }, 'tunnel:secret-unreachable'],
] as const;

for (const [what, answer, code] of answers) {
  test(`${what} is ${code}, within the time`, async (t) => {
    const secrets = await new FakeSecrets(answer).start();
    t.after(() => secrets.close());
    const clock = new VirtualClock();
    await assert.rejects(
      clock.run(readAuthKey(id, environment(secrets.url), 1_500, clock)),
      (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.ok(error.message.length > 20, 'it says what to do');
        return true;
      },
    );
    assert.ok(clock.monotonic() <= 1_500, `${clock.monotonic()} ms`);
  });
}

test('a Secrets Manager that says nothing is asked three times where there is time for it, once otherwise', async (t) => {
  for (const [withinMs, calls] of [
    [1_000, 1],
    [6_000, 3],
  ] as const) {
    const secrets = await new FakeSecrets('silence').start();
    t.after(() => secrets.close());
    const clock = new VirtualClock();
    const read = readAuthKey(id, environment(secrets.url), withinMs, clock);
    await assert.rejects(clock.run(read), { code: 'tunnel:secret-unreachable' });
    assert.deepEqual([clock.monotonic(), secrets.requests.length], [withinMs, calls]);
  }
});

test('a failure that passes is tried again', async (t) => {
  const secrets = await new FakeSecrets(
    'hang up',
    { status: 500, body: {} },
    secretText('tskey-auth-a1'),
  ).start();
  t.after(() => secrets.close());
  const clock = new VirtualClock();
  const key = await clock.run(readAuthKey(id, environment(secrets.url), 3_000, clock));
  assert.equal(key, 'tskey-auth-a1');
  assert.equal(secrets.requests.length, 3);
});

test('the current version is asked for, signed', async (t) => {
  const secrets = await new FakeSecrets(secretText('tskey-auth-a1')).start();
  t.after(() => secrets.close());
  await readAuthKey(id, environment(secrets.url), 1_500, new VirtualClock());
  const [request] = secrets.requests;
  assert.deepEqual(JSON.parse(request?.body ?? ''), { SecretId: id, VersionStage: 'AWSCURRENT' });
  assert.match(
    request?.headers.authorization ?? '',
    /^AWS4-HMAC-SHA256 Credential=AKIA1\/\d{8}\/eu-west-1\/secretsmanager\//,
  );
});

test('without the name of a secret the configuration is wrong', async () => {
  await assert.rejects(readAuthKey(undefined, {}, 1_000, new VirtualClock()), {
    code: 'tunnel:misconfigured',
    message: /POSTERN_TAILNET_SECRET_ID/,
  });
});

function environment(url: string): Record<string, string> {
  return {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIA1',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
  };
}
