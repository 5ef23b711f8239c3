import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { createSecrets, uncheckedSecrets } from '../../../adapters/secrets/index.ts';
import { parse, s } from '../../../base/schema/schema.ts';
import { parseReference } from '../../../base/schema/secret-reference.ts';
import { readEdgeSecret } from '../../../functions/edge-secret.ts';
import { ok, startFakeAws } from '../../base/aws/fake-aws.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

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
  const clock = new VirtualClock();
  const secrets = createSecrets(env, { clock });
  assert.equal(Buffer.from(await secrets.get('secretsmanager:s')).toString(), 'first');
  await clock.advance(60_000);
  assert.equal(Buffer.from(await secrets.get('secretsmanager:s')).toString(), 'second');
});

test('a failed read is not kept', async () => {
  aws.answers = [ok({}), ok({ SecretString: 'now it is there' })];
  const secrets = createSecrets(env);
  await assert.rejects(secrets.get('secretsmanager:s'), /has no value/);
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
  ['no reference at all', () => 'hunter2', /^expected a reference to a secret/],
  ['an unknown kind', () => 'vault:hunter2', /^expected a reference to a secret/],
  ['a reference to nothing', () => 'secretsmanager:#hunter2', /^expected a reference to a secret/],
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
    await assert.rejects(secrets.get(`secretsmanager:s#${key}`), /has no string under that key/);
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
  await assert.rejects(check.get('hunter2'), /^CodedError: expected a reference/);
});

const oneBreak: readonly (readonly [stored: string, secret: string])[] = [
  ['s3cret-s3cret', 's3cret-s3cret'],
  ['s3cret-s3cret\n', 's3cret-s3cret'],
  ['s3cret-s3cret\r\n', 's3cret-s3cret'],
  ['s3cret-s3cret\n\n', 's3cret-s3cret\n'],
  ['s3cret-s3cret\r', 's3cret-s3cret\r'],
  ['s3cret-s3cret \n', 's3cret-s3cret '],
  ['\ns3cret-s3cret', '\ns3cret-s3cret'],
];
/** How each kind comes to hold a text. */
const stores: Readonly<Record<string, (stored: string) => Promise<Uint8Array>>> = {
  'env:': (stored) => createSecrets({ S: stored }).get('env:S'),
  'file:': (stored) => createSecrets({}).get(file('break', stored)),
  'secretsmanager:ID': (stored) => withAnswer(ok({ SecretString: stored }), 'secretsmanager:s'),
  'secretsmanager:ID, binary': (stored) =>
    withAnswer(ok({ SecretBinary: Buffer.from(stored).toString('base64') }), 'secretsmanager:s'),
  'secretsmanager:ID#key': (stored) =>
    withAnswer(ok({ SecretString: `${JSON.stringify({ key: stored })}\n` }), 'secretsmanager:s#key'),
  'ssm:': (stored) => withAnswer(ok({ Parameter: { Value: stored } }), 'ssm:/s'),
  'check, env:': (stored) => uncheckedSecrets({ S: stored }).get('env:S'),
  'check, file:': (stored) => uncheckedSecrets({}).get(file('break', stored)),
  'the edge': async (stored) => {
    aws.answers = [ok({ SecretString: stored }), ok({ SecretString: stored })];
    return (await readEdgeSecret('s', env))[0] as Uint8Array;
  },
};
function withAnswer(answer: ReturnType<typeof ok>, reference: string): Promise<Uint8Array> {
  aws.answers = [answer];
  return createSecrets(env).get(reference);
}

for (const [kind, read] of Object.entries(stores)) {
  test(`exactly one line break at the end of a secret does not count, for every source: ${kind}`, async () => {
    for (const [stored, secret] of oneBreak)
      assert.equal(Buffer.from(await read(stored)).toString(), secret, JSON.stringify(stored));
  });
  if (kind === 'the edge') continue;
  test(`a secret of blanks is refused, for every source: ${kind}`, async () => {
    for (const blank of [
      ' ',
      '   ',
      '\t',
      '\n\n',
      ' \r\n',
      '\u00a0\u3000',
      '\0\0',
      ' '.repeat(5_000),
      '\0'.repeat(60_000),
    ])
      if (kind !== 'env:' || !blank.includes('\0'))
        await assert.rejects(read(blank), /has only blanks; put the secret into it/, JSON.stringify(blank));
    if (!kind.endsWith('env:')) await assert.rejects(read('\n'), /is empty/);
  });
}

const good = [
  'env:A',
  'env:_a1',
  'file:/run/secrets/a b',
  'file:relative.txt',
  'secretsmanager:postern/github',
  'secretsmanager:a_b+c=d.e@f-g#any key * ?',
  'secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-AbCdEf',
  'secretsmanager:arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-AbCdEf#key',
  'ssm:name',
  'ssm:/a/b.c_d-e',
  'ssm:/hooks/github:3',
  'ssm:/hooks/github:label',
  'ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/hooks/github:3',
];
const bad = [
  'env:',
  'env:1A',
  'env:A-B',
  'env:A\n',
  'file:',
  'file:/a\0b',
  'file:/a\nb',
  'secretsmanager:',
  'secretsmanager:*',
  'secretsmanager:a*',
  'secretsmanager:a?b',
  'secretsmanager:\x24{aws:username}',
  'secretsmanager:$a',
  'secretsmanager:a b',
  'secretsmanager:a:b',
  'secretsmanager:a\nb',
  'secretsmanager:a#',
  'secretsmanager:a#b\0',
  'secretsmanager:arn:*',
  'secretsmanager:arn:aws:*',
  'secretsmanager:arn:aws:secretsmanager:*:123456789012:secret:a-AbCdEf',
  'secretsmanager:arn:aws:secretsmanager:eu-west-1:*:secret:a-AbCdEf',
  'secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:*',
  'secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-??????',
  'secretsmanager:arn:*:secretsmanager:eu-west-1:123456789012:secret:a',
  'secretsmanager:arn:aws:ssm:eu-west-1:123456789012:parameter/a',
  'secretsmanager:arn:aws:s3:::bucket/a',
  'ssm:',
  'ssm:*',
  'ssm:/a/*',
  'ssm:/a/?',
  'ssm:/a//b',
  'ssm:/a/',
  'ssm:/\x24{a}',
  'ssm:a:b:c',
  'ssm:arn:*',
  'ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/*',
  'ssm:arn:aws:ssm:*:123456789012:parameter/a',
  'ssm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a',
  ' env:A',
  'env:A ',
];
test('a reference names one secret as its store allows names, and nothing that a policy of IAM would read as many', () => {
  for (const text of good) {
    assert.equal(typeof parseReference(text).kind, 'string');
    assert.equal(parse(s.secretReference(), text).ok, true, text);
  }
  for (const text of bad) {
    assert.throws(() => parseReference(text), /^CodedError: expected a reference/, text);
    assert.equal(parse(s.secretReference(), text).ok, false, text);
  }
});

test('whatever is written, what is taken for a name at AWS has no character with a meaning in IAM', () => {
  const parts = fc.constantFrom(
    ...'*?\x24{}:/#-.a1 \n',
    'arn:aws:',
    'secretsmanager:',
    'ssm:',
    'eu-west-1:123456789012:',
    'secret:',
    'parameter/',
  );
  fc.assert(
    fc.property(
      fc.constantFrom('secretsmanager:', 'ssm:'),
      fc.array(parts, { maxLength: 12 }),
      (kind, rest) => {
        try {
          const reference = parseReference(kind + rest.join(''));
          const name =
            reference.kind === 'secretsmanager' ? reference.id : (reference as { name: string }).name;
          assert.match(name, /^[A-Za-z0-9:/_+=.@-]+$/);
        } catch (error) {
          assert.match((error as Error).message, /^expected a reference/);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
