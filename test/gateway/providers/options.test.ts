import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { parse, s } from '../../../base/schema/schema.ts';
import { signers } from './signers.ts';
import { flat, outcome, providerNamed, verifierOf } from './verify.ts';

type Wrong = readonly [options: Record<string, unknown>, path: string, message: RegExp];

const wrongTemplates: readonly Wrong[] = [
  [{ signed: 'v0:{timestamp}' }, 'signed', /\{body\} is missing/],
  [{ signed: '{body}{body}' }, 'signed', /\{body\} is repeated/],
  [{ signed: '{body}.{url}' }, 'signed', /\{url\} is not a placeholder/],
  [{ signed: '{body' }, 'signed', /\{body is not a placeholder/],
  [{ signed: 'ä{body}' }, 'signed', /printable ASCII/],
  [{ signed: '{timestamp}.{body}' }, 'signed', /timestampHeader does not name its header/],
  [{ signed: '{id}.{body}' }, 'signed', /idHeader does not name its header/],
  [
    { signed: '{id}{body}', idHeader: 'x-id' },
    'signed',
    /between \{id\} and \{body\} there must be a separator/,
  ],
  [
    { signed: '{body}', timestampHeader: 'x-time' },
    'timestampHeader',
    /anyone can set a time that is not signed/,
  ],
];

for (const [options, path, message] of wrongTemplates) {
  test(`hmac with ${JSON.stringify(options)} does not load`, () => {
    assert.throws(
      () => verifierOf(providerNamed('hmac'), { header: 'x-sig', ...options }, ['sixteen bytes, so']),
      (error) => {
        assert.ok(error instanceof ConfigurationError, `${error}`);
        assert.match(error.message, message);
        assert.deepEqual(error.path, [path]);
        return true;
      },
    );
  });
}

const wrongOptions: readonly Record<string, unknown>[] = [
  {},
  { header: 'x sig' },
  // No request has these names: they are dropped, or read with hyphens.
  { header: 'X_Sig' },
  { header: 'x-sig', idHeader: 'x.id' },
  { header: 'x-sig', eventHeader: 'x~event' },
  { header: 'x-sig', timestampHeader: 'x_time' },
  { header: 'x-sig', digest: 'md5' },
  { header: 'x-sig', encoding: 'utf8' },
  { header: 'x-sig', prefix: 'a,b' },
  { header: 'x-sig', prefix: 'a b' },
  { header: 'x-sig', timestampUnit: 'minutes' },
  { header: 'x-sig', signed: '' },
  { header: 'x-sig', sign: '{body}' },
];

for (const options of wrongOptions) {
  test(`hmac does not take the options ${JSON.stringify(options)}`, () => {
    assert.equal(parse(s.object(providerNamed('hmac').options), options).ok, false);
  });
}

const wrongSecrets: readonly (readonly [secret: string, message: RegExp])[] = [
  ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', /neither whsec_ nor whpk_/],
  ['whsec_not base64!', /not base64/],
  ['whsec_', /has 0 bytes/],
  [`whsec_${Buffer.alloc(23).toString('base64')}`, /has 23 bytes/],
  [`whsec_${Buffer.alloc(65).toString('base64')}`, /has 65 bytes/],
  [`whsk_${Buffer.alloc(32).toString('base64')}`, /is a private key/],
  [`whpk_${Buffer.alloc(31).toString('base64')}`, /has 31 bytes/],
];

for (const [secret, message] of wrongSecrets) {
  test(`standard-webhooks does not take ${secret.slice(0, 8)}… (${message.source}), and does not show it`, () => {
    assert.throws(
      () => verifierOf(providerNamed('standard-webhooks'), {}, [secret]),
      (error) => {
        assert.ok(error instanceof ConfigurationError, `${error}`);
        assert.match(error.message, message);
        assert.match(error.message, /env:SECRET_0/);
        assert.deepEqual(error.path, ['secret']);
        const rest = secret.slice(secret.indexOf('_') + 1);
        assert.ok(rest === '' || !`${error.message}${error.hint}`.includes(rest));
        return true;
      },
    );
  });
}

test('an id with a full stop is malformed in Standard Webhooks, because the signed text could be split differently', () => {
  const signer = signers.find(({ variant }) => variant === 'v1') ?? assert.fail();
  const { sender, gateway } = signer.secretsOf(1);
  const verify = verifierOf(providerNamed(signer.provider), {}, [gateway]);
  const honest = { id: 'msg_1', seconds: 1_900_000_000, body: Buffer.from('1900000001.{"a":1}') };
  const signature = signer.sign(sender, honest);
  assert.equal(outcome(verify, flat(signer.headers(signature, honest)), honest.body), 'accepted');
  const cut = { id: 'msg_1.1900000000', seconds: 1_900_000_001, body: Buffer.from('{"a":1}') };
  assert.equal(signer.sign(sender, cut), signature);
  assert.equal(outcome(verify, flat(signer.headers(signature, cut)), cut.body), 'malformed');
});

test('hmac refuses an id that holds what ends it in the template', () => {
  const options = {
    header: 'x-sig',
    signed: '{id}.{timestamp}.{body}',
    idHeader: 'x-id',
    timestampHeader: 'x-time',
  };
  const verify = verifierOf(providerNamed('hmac'), options, ['sixteen bytes, so']);
  const headers = flat({ 'x-sig': '0'.repeat(64), 'x-id': 'a.1', 'x-time': '1900000000' });
  assert.equal(outcome(verify, headers, Buffer.from('x')), 'malformed');
});

test('hex is taken in upper case too, base64 only as it is', () => {
  const github = signers.find(({ provider }) => provider === 'github');
  const base64 = signers.find(({ variant }) => variant.endsWith('base64'));
  for (const [signer, expected] of [
    [github, 'accepted'],
    [base64, 'forged'],
  ] as const) {
    assert.ok(signer);
    const message = { id: 'a', seconds: 1_900_000_000, body: Buffer.from('x') };
    const { sender, gateway } = signer.secretsOf(1);
    const verify = verifierOf(providerNamed(signer.provider), signer.options, [gateway]);
    const upper = signer.sign(sender, message).toUpperCase().replace('SHA256=', 'sha256=');
    const found = outcome(verify, flat(signer.headers(upper, message)), message.body);
    assert.equal(found, expected, signer.provider);
  }
});

test('the kind of a standard webhook is the type in its payload, when that is a text', () => {
  const signer = signers.find(({ variant }) => variant === 'v1') ?? assert.fail();
  const message = { id: 'a', seconds: 1_900_000_000, body: Buffer.from('{}') };
  const { sender, gateway } = signer.secretsOf(1);
  const headers = flat(signer.headers(signer.sign(sender, message), message));
  const found = verifierOf(providerNamed(signer.provider), {}, [gateway])(headers, message.body);
  assert.ok(found.kind === 'accepted' && typeof found.event === 'function');
  const { event } = found;
  assert.equal(event({ type: 'invoice.paid' }), 'invoice.paid');
  for (const payload of [{ type: 1 }, {}, null, 'type', [], Object.create({ type: 'inherited' })])
    assert.equal(event(payload), undefined);
});

test('hmac warns of headers that are read here and that the target does not get', () => {
  for (const [options, warned] of [
    [
      { header: 'x-sig', idHeader: 'X-Request-Id' },
      ["idHeader: the target does not get the sender's x-request-id"],
    ],
    [
      { header: 'X-Forwarded-Sig', eventHeader: 'te' },
      [
        "header: the target does not get the sender's x-forwarded-sig",
        "eventHeader: the target does not get the sender's te",
      ],
    ],
    [{ header: 'authorization', idHeader: 'x-id', eventHeader: 'x-event' }, []],
  ] as const) {
    const warnings: string[] = [];
    verifierOf(providerNamed('hmac'), options, ['sixteen bytes, so'], (path, message) =>
      warnings.push(`${path.join('.')}: ${message}`),
    );
    assert.deepEqual(warnings, warned);
  }
});
