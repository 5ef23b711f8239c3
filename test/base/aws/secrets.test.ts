import assert from 'node:assert/strict';
import https, { type RequestOptions } from 'node:https';
import { beforeEach, test } from 'node:test';
import { AwsError, type AwsFailure, getParameter, getSecretValue } from '../../../base/aws/secrets.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { type FakeAnswer, ok, refused, startFakeAws } from './fake-aws.ts';

const aws = await startFakeAws();
const env = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'do-not-print-this-key',
  AWS_SESSION_TOKEN: 'do-not-print-this-token',
  AWS_ENDPOINT_URL: aws.url,
};

beforeEach(() => {
  aws.seen.length = 0;
});

test('the current value of a secret is asked for by name, signed with the session token', async () => {
  aws.answers = [ok({ SecretString: 'tskey-ü' })];
  const value = await getSecretValue('prod/tailnet', { env });
  assert.equal(Buffer.from(value).toString('utf8'), 'tskey-ü');
  const [call] = aws.seen;
  assert.deepEqual(call?.body, { SecretId: 'prod/tailnet', VersionStage: 'AWSCURRENT' });
  assert.equal(call?.headers['x-amz-target'], 'secretsmanager.GetSecretValue');
  assert.equal(call?.headers['x-amz-security-token'], 'do-not-print-this-token');
  assert.match(call?.headers.authorization ?? '', /\/eu-west-1\/secretsmanager\/aws4_request/);
});

test('a binary secret comes as its bytes', async () => {
  const bytes = Buffer.from([0, 255, 10, 13]);
  aws.answers = [ok({ SecretBinary: bytes.toString('base64') })];
  assert.deepEqual(Buffer.from(await getSecretValue('s', { env })), bytes);
});

test("an ARN's region counts before the environment's", async () => {
  aws.answers = [ok({ SecretString: 'x' })];
  await getSecretValue('arn:aws:secretsmanager:us-east-2:111122223333:secret:a-b', { env });
  assert.match(aws.seen[0]?.headers.authorization ?? '', /\/us-east-2\/secretsmanager\//);
});

test('a parameter is asked for decrypted', async () => {
  aws.answers = [ok({ Parameter: { Value: 'v' } })];
  assert.equal(Buffer.from(await getParameter('/prod/key', { env })).toString(), 'v');
  assert.deepEqual(aws.seen[0]?.body, { Name: '/prod/key', WithDecryption: true });
  assert.match(aws.seen[0]?.headers.authorization ?? '', /\/eu-west-1\/ssm\//);
});

test("a service's own endpoint counts before the common one", async () => {
  aws.answers = [ok({ SecretString: 'x' })];
  const options = {
    ...env,
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
  };
  await getSecretValue('s', { env: options });
  assert.equal(aws.seen.length, 1);
});

for (const [region, service, host] of [
  ['eu-west-1', 'secretsmanager', 'secretsmanager.eu-west-1.amazonaws.com'],
  ['cn-north-1', 'secretsmanager', 'secretsmanager.cn-north-1.amazonaws.com.cn'],
  ['us-gov-west-1', 'ssm', 'ssm.us-gov-west-1.amazonaws.com'],
] as const) {
  test(`without an endpoint the call goes to AWS by TLS, and nowhere else: ${host}`, async (t) => {
    const asked: unknown[] = [];
    t.mock.method(https, 'request', (options: RequestOptions) => {
      asked.push([options.host, options.port, options.headers?.['host' as never]]);
      throw new Error('no network in tests');
    });
    const clock = new VirtualClock();
    const options = { env: { ...env, AWS_REGION: region, AWS_ENDPOINT_URL: '' }, clock };
    const asking = service === 'ssm' ? getParameter('p', options) : getSecretValue('s', options);
    await assert.rejects(clock.run(asking));
    assert.deepEqual(asked[0], [host, undefined, host]);
  });
}

const transient: [name: string, answer: FakeAnswer][] = [
  ['an error of the service', { status: 503, body: '<html>' }],
  ['a reset connection', 'reset'],
  ['throttling', refused('ThrottlingException', 'Rate exceeded')],
  ['silence', 'hang'],
];
for (const [name, answer] of transient) {
  test(`${name} is tried again`, async () => {
    aws.answers = [answer, ok({ SecretString: 'at last' })];
    const clock = new VirtualClock();
    const value = await clock.run(getSecretValue('s', { env, clock }));
    assert.equal(Buffer.from(value).toString(), 'at last');
    assert.equal(aws.seen.length, 2);
    assert.equal(clock.monotonic(), 150 + (answer === 'hang' ? 3_000 : 0));
  });
}

test('after the last attempt the error says how many there were and what to look at', async () => {
  aws.answers = ['reset'];
  const clock = new VirtualClock();
  await assert.rejects(clock.run(getSecretValue('s', { env, clock })), (error: AwsError) => {
    assert.equal(error.failure, 'unreachable');
    assert.match(error.message, /^the secret s: 127\.0\.0\.1:\d+ did not answer in 3 attempts .*NAT gateway/);
    return true;
  });
  assert.deepEqual([aws.seen.length, clock.monotonic()], [3, 450]);
});

const refusals: [answer: FakeAnswer, failure: AwsFailure, message: RegExp][] = [
  [
    refused('AccessDeniedException', 'User: arn:x is not authorized to perform it'),
    'forbidden',
    /allow secretsmanager:GetSecretValue/,
  ],
  [refused('AccessDeniedException', 'Access to KMS is not allowed'), 'forbidden', /allow kms:Decrypt/],
  [refused('DecryptionFailure', 'no'), 'forbidden', /allow kms:Decrypt/],
  [
    refused('ResourceNotFoundException', 'no'),
    'missing',
    /does not exist .*check the name and the region \(AWS_REGION is eu-west-1\)/,
  ],
  [refused('InvalidRequestException', 'it is marked for deletion'), 'missing', /marked for deletion/],
  [refused('ExpiredTokenException', 'expired', 403), 'forbidden', /credentials are wrong or expired/],
  [ok({}), 'missing', /has no value/],
];
for (const [answer, failure, message] of refusals) {
  test(`the answer ${JSON.stringify(answer)} is explained and not tried again`, async () => {
    aws.answers = [answer];
    await assert.rejects(getSecretValue('prod/key', { env }), (error: AwsError) => {
      assert.ok(error instanceof AwsError);
      assert.equal(error.failure, failure);
      assert.match(error.message, message);
      assert.match(error.message, /the secret prod\/key/);
      assert.doesNotMatch(error.message, /do-not-print/);
      return true;
    });
    assert.equal(aws.seen.length, 1);
  });
}

test('without region, credentials or a usable endpoint the error names the variable', async () => {
  const { AWS_REGION: _region, ...noRegion } = env;
  const { AWS_SECRET_ACCESS_KEY: _key, ...noKey } = env;
  const cases: [Record<string, string>, RegExp][] = [
    [noRegion, /set AWS_REGION/],
    [noKey, /set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
    [{ ...env, AWS_ENDPOINT_URL_SECRETS_MANAGER: 'ftp://x' }, /set AWS_ENDPOINT_URL_SECRETS_MANAGER/],
    [{ ...env, AWS_ENDPOINT_URL: '', AWS_REGION: 'eu west' }, /set AWS_REGION to one such as/],
  ];
  for (const [wrong, message] of cases) {
    await assert.rejects(getSecretValue('s', { env: wrong }), (error: AwsError) => {
      assert.equal(error.failure, 'misconfigured');
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /do-not-print/);
      return true;
    });
  }
  assert.equal(aws.seen.length, 0);
});
