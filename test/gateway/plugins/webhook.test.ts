import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import type { ReceivedWebhook } from '../../../gateway/providers/received-webhook.ts';
import { gatewayWith, request, send, unreadable } from '../../support/gateway.ts';
import { exchangeOf, nowMs } from '../expression/exchange.ts';
import { type Message, type Signer, signers } from '../providers/signers.ts';
import { flat, outcome, providerNamed, verifierOf } from '../providers/verify.ts';
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
  const found = exchange.attributes.webhook as ReceivedWebhook;
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
  const { id, event, timestamp } = exchange.attributes.webhook as ReceivedWebhook;
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

const decidedByTheHead: readonly (readonly [what: string, signer: Signer, changed: object, code: string])[] =
  [
    ['no signature', github, { 'X-Hub-Signature-256': undefined }, 'gateway:unauthenticated'],
    ['an empty signature', github, { 'X-Hub-Signature-256': '' }, 'webhook:malformed'],
    ['a signature of another form', github, { 'X-Hub-Signature-256': 'sha256=abc' }, 'webhook:malformed'],
    ['an id with a comma', github, { 'X-GitHub-Delivery': 'a,b' }, 'webhook:malformed'],
    ['an event with a comma', github, { 'X-GitHub-Event': 'ping,push' }, 'webhook:malformed'],
    ['no id that is signed', standard, { 'webhook-id': undefined }, 'webhook:malformed'],
    ['no time', standard, { 'webhook-timestamp': undefined }, 'webhook:malformed'],
    ['a time of zero', standard, { 'webhook-timestamp': '0' }, 'webhook:malformed'],
    ['a time long ago', standard, { 'webhook-timestamp': '1000000000' }, 'webhook:timestamp'],
    ['a time to come', standard, { 'webhook-timestamp': '9999999999' }, 'webhook:timestamp'],
    [
      'more signatures than are tried',
      standard,
      {
        'webhook-signature': Array(9)
          .fill(`v1,${'A'.repeat(43)}=`)
          .join(' '),
      },
      'webhook:malformed',
    ],
    [
      'sixteen signatures of Ed25519 and a time of zero',
      signerOf('v1a'),
      {
        'webhook-signature': Array(16)
          .fill(`v1a,${'A'.repeat(86)}==`)
          .join(' '),
        'webhook-timestamp': '0',
      },
      'webhook:malformed',
    ],
    [
      'five signatures of Ed25519',
      signerOf('v1a'),
      {
        'webhook-signature': Array(5)
          .fill(`v1a,${'A'.repeat(86)}==`)
          .join(' '),
      },
      'webhook:malformed',
    ],
    [
      'signatures of a kind that no secret is of',
      standard,
      { 'webhook-signature': `v1a,${'A'.repeat(86)}==` },
      'webhook:signature',
    ],
  ];

for (const [what, signer, changed, code] of decidedByTheHead) {
  test(`what the head alone shows to be wrong refuses without a look at the body: ${what}`, async () => {
    const { headers } = signed(signer);
    const list = Object.entries({ ...headers, ...changed }).filter(([, value]) => value !== undefined);
    const gateway = gatewayWith({ instances: [await webhook(signer)] });
    const answer = await send(
      gateway,
      request({ headers: ['host', 'hooks.example.com', ...list.flat()], body: unreadable }),
    );
    assert.equal(JSON.parse(answer.body).code, code);
    assert.ok(answer.status === 401 || answer.status === 400);
  });
}

test('a body that came late is judged by the time at which it is there', async () => {
  const host = testHost(standard.secretsOf(1).gateway);
  const { exchange, body } = signed(standard);
  const { hooks } = await webhook(standard, {}, host);
  const judgeBody = hooks.head?.(exchange);
  assert.ok(typeof judgeBody === 'function');
  host.nowMs += 300_001;
  assert.equal((judgeBody(body) as { code?: string }).code, 'webhook:timestamp');
  assert.equal(exchange.subject, undefined);
});

test('the body is hashed once for each secret, and for Ed25519 at most four times, whatever the header holds', (t) => {
  const bytes = Buffer.alloc(1000);
  const hmacs = t.mock.method(crypto, 'createHmac');
  const verifies = t.mock.method(crypto, 'verify');
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  for (const [signer, secrets] of [
    [github, 4],
    [standard, 4],
    [signerOf('v1a'), 1],
    [signerOf('v1a'), 2],
    [signerOf('v1a'), 4],
  ] as const) {
    const keys = Array.from({ length: secrets }, (_, at) => signer.secretsOf(at + 2).gateway);
    const verify = verifierOf(providerNamed(signer.provider), signer.options, keys);
    const message = { id: 'a', seconds: nowSeconds, body: bytes };
    const wrong = signer.sign(signer.secretsOf(1).sender, message);
    const most = signer.variant === 'v1a' ? 4 / secrets : signer.most;
    const value = Array<string>(most).fill(wrong).join(signer.separator);
    hmacs.mock.resetCalls();
    verifies.mock.resetCalls();
    assert.equal(outcome(verify, flat(signer.headers(value, message)), bytes), 'forged');
    assert.equal(hmacs.mock.callCount() + verifies.mock.callCount(), 4, `${signer.variant} ${secrets}`);
  }
});

test('a payload is parsed once, whether that succeeds or not, and only when an expression looks at it', async (t) => {
  const parsed = t.mock.method(JSON, 'parse');
  const looks = Array(20).fill("webhook.payload.a == 'b'").join(' || ');
  for (const [text, allow, times] of [
    ['not JSON', looks, 1],
    ['{"a":"c"}', looks, 1],
    ['null', looks, 1],
    ['{"a":"c"}', "webhook.provider == 'github'", 0],
  ] as const) {
    const { exchange, body } = signed(github, { body: Buffer.from(text) });
    const plugins = [await webhook(github), await configure('authorize', { allow })];
    parsed.mock.resetCalls();
    await judge(plugins, exchange, body);
    assert.equal(parsed.mock.callCount(), times, text);
  }
});

test('no payload is parsed before the signature is right', async (t) => {
  const parsed = t.mock.method(JSON, 'parse');
  const { exchange } = signed(standard);
  const plugins = [
    await webhook(standard),
    await configure('authorize', { allow: 'webhook.payload.a == 1' }),
  ];
  const reply = await judge(plugins, exchange, Buffer.from('{"a":1}'));
  assert.equal(reply?.code, 'webhook:signature');
  assert.equal(parsed.mock.callCount(), 0);
});

test('a payload of more bytes than maxPayload is unknown: an expression that looks at it refuses, others do not', async () => {
  const atLimit = Buffer.from(`{"type":"made","n":"${'x'.repeat(1024 - 22)}"}`);
  assert.equal(atLimit.byteLength, 1024);
  for (const [maxPayload, allow, code] of [
    ['1KiB', "webhook.payload.type == 'made'", undefined],
    ['1023B', "webhook.payload.type == 'made'", 'authorize:error'],
    ['1023B', "webhook.event == 'made'", 'authorize:error'],
    ['1023B', "webhook.payload.type != 'other'", 'authorize:error'],
    ['1023B', "webhook.provider == 'standard-webhooks'", undefined],
  ] as const) {
    const { exchange, body } = signed(standard, { body: atLimit });
    const plugins = [await webhook(standard, { maxPayload }), await configure('authorize', { allow })];
    const reply = await judge(plugins, exchange, body);
    assert.equal(reply?.code, code, `${maxPayload} ${allow}`);
    assert.equal(reply?.detail?.includes('maxPayload is 1023'), code === undefined ? undefined : true);
  }
});

test('a payload that its headers call anything but JSON is unknown, because the target may read something else in it', async () => {
  // A form to a program that believes the content-type: payload={"ref":"refs/heads/main"}.
  const body = Buffer.from(
    '{"ref":"refs/heads/x","note":"&payload=%7B%22ref%22%3A%22refs/heads/main%22%7D&"}',
  );
  const plugins = [
    await webhook(github),
    await configure('authorize', { allow: "webhook.payload.ref == 'refs/heads/x'" }),
  ];
  const judged = (...added: string[]) => {
    const { headers } = signed(github, { body });
    const list = [...Object.entries(headers).flat(), ...added];
    return judge(plugins, exchangeOf({ head: { headers: list } }), body);
  };
  const type = (value: string) => ['Content-Type', value];
  for (const value of [
    'application/json',
    'Application/JSON; Charset=UTF-8',
    'application/json;charset="utf-8"; v=1',
    'application/cloudevents+json',
    'application/vnd.example.v1+json; profile=x',
    'text/json',
    'text/plain; charset=utf8',
  ])
    assert.equal(await judged(...type(value)), undefined, value);
  assert.equal(await judged(), undefined);
  assert.equal(await judged('content-encoding', 'Identity'), undefined);
  for (const added of [
    type('application/x-www-form-urlencoded'),
    type('multipart/form-data; boundary=note'),
    type('application/xml'),
    type('application/jsonx'),
    type('application/x-www-form-urlencoded; as=application/json'),
    type('application/json; charset=utf-7'),
    type('application/json; charset=utf-8; charset=utf-16'),
    type('application/json; charset="utf-8'),
    type('application/json; charset=utf-8x'),
    type(''),
    [...type('application/json'), ...type('application/x-www-form-urlencoded')],
    type('application/json; a=b, application/x-www-form-urlencoded'),
    ['content-encoding', 'gzip'],
    ['content-encoding', 'identity', 'Content-Encoding', 'deflate'],
    ['content-encoding', ''],
  ]) {
    const reply = await judged(...added);
    assert.equal(reply?.code, 'authorize:error', `${added}`);
    assert.match(reply?.detail ?? '', /webhook\.payload is unknown: content-/);
  }
});

test('by default expressions read payloads of a mebibyte', async () => {
  const plugins = [await webhook(github), await configure('authorize', { allow: "webhook.payload != ''" })];
  for (const [size, code] of [
    [1024 * 1024, undefined],
    [1024 * 1024 + 1, 'authorize:error'],
  ] as const) {
    const { exchange, body } = signed(github, { body: Buffer.from(JSON.stringify('x'.repeat(size - 2))) });
    assert.equal((await judge(plugins, exchange, body))?.code, code, `${size}`);
  }
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
  [{ provider: 'github', secret: Array(5).fill('env:X') }, /at most 4 secrets/],
  [{ provider: 'github', secret: 'env:X', tolerance: '0s' }, /a tolerance of 0 would refuse everything/],
  [{ provider: 'github', secret: 'env:X', tolerance: 300 }, /expected a duration/],
  [{ provider: 'github', secret: 'env:X', header: 'x-sig' }, /unknown key/],
  [{ provider: 'hmac', secret: 'env:X' }, /expected a header name/],
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
      assert.match(error.message, /env:(EMPTY is empty|MISSING: the environment)/);
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

test('a tolerance has no upper bound, and above an hour it is warned of', async () => {
  for (const [tolerance, warned] of [
    ['1h', 0],
    ['61m', 1],
    ['999d', 1],
  ] as const) {
    const host = testHost();
    const paths: unknown[] = [];
    const warn = (path: readonly (string | number)[]) => void paths.push(path);
    await configure('webhook', { provider: 'github', secret: 'env:A', tolerance }, { ...host, warn });
    const found = paths.filter((path) => JSON.stringify(path) === '["tolerance"]');
    assert.equal(found.length, warned, tolerance);
  }
});
