import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigurationError } from '../../../gateway/configuration-error.ts';
import type { WebhookAttribute } from '../../../gateway/expression/index.ts';
import { gatewayWith, request, send } from '../../support/gateway.ts';
import { exchangeOf, nowMs } from '../expression/exchange.ts';
import { type Message, type Signer, signers } from '../providers/signers.ts';
import { configure, judge, testHost } from './configured.ts';

const signerOf = (variant: string): Signer =>
  signers.find((one) => one.variant === variant) ?? assert.fail(variant);
const github = signerOf('sha256');
const standard = signerOf('v1');
const nowSeconds = Math.floor(nowMs / 1000);

function signed(signer: Signer, message: Partial<Message> = {}) {
  const full: Message = {
    id: 'dlv_1',
    seconds: nowSeconds,
    body: Buffer.from('{"type":"made","n":1}'),
    ...message,
  };
  const headers = signer.headers(signer.sign(signer.secretsOf(1).sender, full), full);
  return {
    exchange: exchangeOf({ head: { headers: Object.entries(headers).flat() } }),
    body: full.body,
    headers,
  };
}

const webhook = (signer: Signer, options: object = {}, host = testHost(signer.secretsOf(1).gateway)) =>
  configure(
    'webhook',
    { provider: signer.provider, secret: 'env:SECRET', ...signer.options, ...options },
    host,
  );

test('an accepted webhook becomes the subject and the name webhook in expressions', async () => {
  const { exchange, body } = signed(standard);
  assert.equal(await judge([await webhook(standard)], exchange, body), undefined);
  assert.deepEqual(exchange.subject, { type: 'webhook', id: 'standard-webhooks' });
  const found = exchange.attributes.webhook as WebhookAttribute;
  assert.equal(found.provider, 'standard-webhooks');
  assert.equal(found.id, 'dlv_1');
  assert.equal(found.event, 'made');
  assert.deepEqual(found.timestamp, new Date(nowSeconds * 1000));
  assert.deepEqual(found.payload, { type: 'made', n: 1 });
  assert.equal(found.payload, found.payload);
});

test('github says the event and the id in headers, and no time', async () => {
  const { exchange, body } = signed(github);
  assert.equal(await judge([await webhook(github)], exchange, body), undefined);
  const { id, event, timestamp } = exchange.attributes.webhook as WebhookAttribute;
  assert.deepEqual({ id, event, timestamp }, { id: 'dlv_1', event: 'push', timestamp: undefined });
});

test('a body that is not JSON is accepted, and only an expression that reads its payload fails', async () => {
  const plugins = [await webhook(github)];
  const byEvent = await configure('authorize', { allow: "webhook.event == 'push'" });
  const byPayload = await configure('authorize', { allow: 'webhook.payload.n == 1' });
  const form = () => signed(github, { body: Buffer.from('payload=%7B%7D') });
  const one = form();
  assert.equal(await judge([...plugins, byEvent], one.exchange, one.body), undefined);
  const other = form();
  assert.equal((await judge([...plugins, byPayload], other.exchange, other.body))?.code, 'authorize:error');
});

const ages: readonly (readonly [ageMs: number, tolerance: string, passes: boolean])[] = [
  [0, '5m', true],
  [300_000, '5m', true],
  [300_001, '5m', false],
  [-300_000, '5m', true],
  [-300_001, '5m', false],
  [10_001, '10s', false],
  [86_400_000, '2d', true],
];

for (const [ageMs, tolerance, passes] of ages) {
  test(`signed ${ageMs} ms ago with a tolerance of ${tolerance} is ${passes ? 'accepted' : 'refused'}`, async () => {
    const host = testHost(standard.secretsOf(1).gateway);
    host.nowMs = nowSeconds * 1000 + ageMs;
    const { exchange, body } = signed(standard);
    const reply = await judge([await webhook(standard, { tolerance }, host)], exchange, body);
    assert.deepEqual(reply && [reply.code, reply.status], passes ? undefined : ['webhook:timestamp', 401]);
    assert.equal(exchange.subject === undefined, !passes);
  });
}

test('a stale webhook with a wrong signature is forged, not stale: nobody learns of clocks by guessing', async () => {
  const { exchange } = signed(standard, { seconds: 1 });
  assert.equal(
    (await judge([await webhook(standard)], exchange, Buffer.from('x')))?.code,
    'webhook:signature',
  );
});

test('the three refusals are told apart, and the subject stays unknown', async () => {
  const { body, headers } = signed(standard);
  const cases = [
    [{ ...headers, 'webhook-signature': `v1,${'A'.repeat(43)}=` }, 'webhook:signature', 401],
    [{ ...headers, 'webhook-signature': 'nonsense' }, 'webhook:malformed', 400],
    [{ ...headers, 'webhook-timestamp': 'yesterday' }, 'webhook:malformed', 400],
  ] as const;
  for (const [changed, code, status] of cases) {
    const exchange = exchangeOf({ head: { headers: Object.entries(changed).flat() } });
    const reply = await judge([await webhook(standard)], exchange, body);
    assert.deepEqual([reply?.code, reply?.status], [code, status]);
    assert.equal(exchange.subject, undefined);
    assert.deepEqual(exchange.attributes, {});
  }
});

test('through the gateway: signed 200, forged 401, unsigned 401, too large 413', async () => {
  const gateway = gatewayWith({ instances: [await webhook(github, { maxBody: '1KiB' })] });
  const { headers, body } = signed(github);
  const post = (list: readonly string[], bytes: string) =>
    send(gateway, request({ headers: ['host', 'hooks.example.com', ...list], bytes }));
  const list = Object.entries(headers).flat();
  assert.equal((await post(list, body.toString())).status, 200);
  const forged = await post(list, '{}');
  assert.equal(forged.status, 401);
  assert.equal(JSON.parse(forged.body).code, 'webhook:signature');
  const unsigned = await post([], '{}');
  assert.equal(unsigned.status, 401);
  assert.equal(JSON.parse(unsigned.body).code, 'gateway:unauthenticated');
  assert.equal((await post(list, 'x'.repeat(1025))).status, 413);
});

const wrong: readonly (readonly [options: object, message: RegExp])[] = [
  [{ provider: 'github' }, /expected|required|invalid/i],
  [{ provider: 'nobody', secret: 'env:X' }, /github.*hmac.*standard-webhooks/],
  [{ secret: 'env:X' }, /github.*hmac.*standard-webhooks/],
  [{ provider: 'github', secret: 'hunter2' }, /expected a reference to a secret/],
  [{ provider: 'github', secret: [] }, /.+/],
  [{ provider: 'github', secret: 'env:X', tolerance: '0s' }, /a tolerance of 0 would refuse everything/],
  [{ provider: 'github', secret: 'env:X', tolerance: 300 }, /expected a duration/],
  [{ provider: 'github', secret: 'env:X', header: 'x-sig' }, /unknown key/],
  [{ provider: 'hmac', secret: 'env:X' }, /expected the name of a header/],
];

for (const [options, message] of wrong) {
  test(`${JSON.stringify(options)} does not load`, async () => {
    await assert.rejects(configure('webhook', options), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes('hunter2'));
      return true;
    });
  });
}

test('a secret that is missing or empty is an error at the option, whichever of several it is', async () => {
  const host = testHost({ 'env:GOOD': 'a secret of 26 bytes or so', 'env:EMPTY': '' });
  for (const secret of ['env:EMPTY', ['env:GOOD', 'env:EMPTY'], 'env:MISSING']) {
    await assert.rejects(configure('webhook', { provider: 'github', secret }, host), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.deepEqual(error.path, ['secret']);
      assert.match(error.message, /env:(EMPTY is blank|MISSING: the environment)/);
      return true;
    });
  }
});

test('any of several secrets is accepted', async () => {
  const { gateway } = github.secretsOf(1);
  const host = testHost({ 'env:OLD': gateway, 'env:NEW': github.secretsOf(2).gateway });
  const instance = await webhook(github, { secret: ['env:NEW', 'env:OLD'] }, host);
  const { exchange, body } = signed(github);
  assert.equal(await judge([instance], exchange, body), undefined);
});
