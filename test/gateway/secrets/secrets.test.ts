import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { createSecrets, uncheckedSecrets } from '../../../gateway/secrets/index.ts';
import { ok, startFakeAws } from './fake-aws.ts';

const aws = await startFakeAws();
const folder = mkdtempSync(join(tmpdir(), 'postern-secrets-'));
after(() => rmSync(folder, { recursive: true }));
const env = {
  GITHUB_SECRET: 'from the environment',
  EMPTY: '',
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'a',
  AWS_SECRET_ACCESS_KEY: 'b',
  AWS_ENDPOINT_URL: aws.url,
};
beforeEach(() => {
  aws.seen.length = 0;
});

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return `file:${join(folder, name)}`;
}

async function text(reference: string): Promise<string> {
  return Buffer.from(await createSecrets(env).get(reference)).toString('utf8');
}

test('env: reads a variable', async () => {
  assert.equal(await text('env:GITHUB_SECRET'), 'from the environment');
});

test('file: reads bytes and drops one line break at the end', async () => {
  assert.equal(await text(file('unix', 'a b \n')), 'a b ');
  assert.equal(await text(file('windows', 'a\r\n')), 'a');
  assert.equal(await text(file('twice', 'a\n\n')), 'a\n');
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  assert.deepEqual(Buffer.from(await createSecrets(env).get(file('binary', bytes))), Buffer.from(bytes));
});

test('secretsmanager: picks a key out of a JSON object, and several keys cost one call', async () => {
  aws.answers = [ok({ SecretString: JSON.stringify({ new: 'n', old: 'o', 'a#b': 'c' }) })];
  const secrets = createSecrets(env);
  const values = [];
  for (const key of ['new', 'old', 'a#b'])
    values.push(Buffer.from(await secrets.get(`secretsmanager:prod/github#${key}`)).toString());
  assert.deepEqual(values, ['n', 'o', 'c']);
  assert.equal(aws.seen.length, 1);
});

test('a secret is read again once what was kept of it is old', async () => {
  aws.answers = [ok({ SecretString: 'first' }), ok({ SecretString: 'second' })];
  let nowMs = Date.now();
  const secrets = createSecrets(env, { now: () => nowMs });
  assert.equal(Buffer.from(await secrets.get('secretsmanager:s')).toString(), 'first');
  nowMs += 60_000;
  assert.equal(Buffer.from(await secrets.get('secretsmanager:s')).toString(), 'second');
});

test('a failed read is not kept', async () => {
  aws.answers = [ok({}), ok({ SecretString: 'now it is there' })];
  const secrets = createSecrets(env);
  await assert.rejects(secrets.get('secretsmanager:s'));
  assert.equal(Buffer.from(await secrets.get('secretsmanager:s')).toString(), 'now it is there');
});

const wrong: [name: string, reference: () => string, message: RegExp][] = [
  ['a variable that is not set', () => 'env:NOT_SET', /^env:NOT_SET: the environment variable is not set/],
  ['an empty variable', () => 'env:EMPTY', /^env:EMPTY: the environment variable is not set/],
  ['a file that is not there', () => `file:${folder}/none`, /cannot be read \(ENOENT\)/],
  ['a folder', () => `file:${folder}`, /cannot be read \(EISDIR\)/],
  ['a file that is too large', () => file('large', 'x'.repeat(64 * 1024 + 1)), /more than 65536 bytes/],
  ['an empty file', () => file('empty', '\n'), /is empty/],
  [
    'a secret that is not JSON',
    () => 'secretsmanager:s#key',
    /^secretsmanager:s#key: the secret is not JSON/,
  ],
  ['no reference at all', () => 'hunter2', /^this is no reference/],
  ['an unknown kind', () => 'vault:hunter2', /^this is no reference/],
  ['a reference to nothing', () => 'secretsmanager:#hunter2', /^this is no reference/],
];
for (const [name, reference, message] of wrong) {
  test(`${name} is an error that says so and keeps the secret to itself`, async () => {
    aws.answers = [ok({ SecretString: 'hunter2 is the secret' })];
    await assert.rejects(createSecrets(env).get(reference()), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  });
}

test('a key that is missing, inherited or no text is an error', async () => {
  aws.answers = [ok({ SecretString: '{"number": 1}' })];
  const secrets = createSecrets(env);
  for (const key of ['missing', 'toString', 'number'])
    await assert.rejects(secrets.get(`secretsmanager:s#${key}`), /has no text under that key/);
});

test('a check asks no service, reads what is here and lists once what is not', async () => {
  const check = uncheckedSecrets(env);
  assert.equal(Buffer.from(await check.get('env:GITHUB_SECRET')).toString(), 'from the environment');
  const placeholder = await check.get('secretsmanager:s#key');
  assert.equal(placeholder.byteLength, 'whsec_'.length + 44);
  assert.deepEqual(await check.get('ssm:/a'), placeholder);
  assert.deepEqual(await check.get('env:NOT_SET'), placeholder);
  assert.deepEqual(await check.get('env:NOT_SET'), placeholder);
  await check.get('file:/does/not/exist');
  assert.deepEqual(check.notes(), [
    'env:NOT_SET: the environment variable is not set; set it to the secret',
    'file:/does/not/exist cannot be read (ENOENT); check the path and who may read it',
  ]);
  assert.equal(aws.seen.length, 0);
  assert.notDeepEqual(await uncheckedSecrets(env).get('ssm:/a'), placeholder);
  await assert.rejects(check.get('hunter2'), /^Error: this is no reference/);
});
