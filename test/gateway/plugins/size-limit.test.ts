import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import { next } from '../../../gateway/answer/verdict.ts';
import { loadGateway } from '../../../gateway/index.ts';
import type { BodyNeed } from '../../../gateway/plugin/plugin.ts';
import { ArrivingBody } from '../../support/arriving-body.ts';
import { gatewayWith, instance, ok, request, send, upstreamOf } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';
import { exchangeOf } from '../expression/exchange.ts';
import { configure, judge } from './configured.ts';

test('a declared length decides on the head alone, as an authorizer sees it', async () => {
  const instance = await configure('size-limit', { max: '1KiB' });
  for (const [bodySize, code] of [
    [0, undefined],
    [1024, undefined],
    [1025, 'size-limit:too-large'],
    [-1, undefined],
  ] as const) {
    const reply = await judge([instance], exchangeOf({ bodySize }));
    assert.equal(reply?.code, code, `${bodySize}`);
    if (reply !== undefined) assert.equal(reply.status, 413);
  }
});

test('a declared length over the limit is refused before a byte is read', async () => {
  const unread = new ArrivingBody(11);
  const gateway = gatewayWith({ instances: [await configure('size-limit', { max: '10B' })] });
  assert.equal((await send(gateway, request({ body: unread }))).status, 413);
  assert.equal(unread.request.readableFlowing, null);
});

test('a body without a declared length is cut off once it grows past the limit, on its way to the target', async () => {
  let received: Promise<unknown> = Promise.resolve();
  const upstream = upstreamOf((receiver, body) => {
    received = buffer(body as Readable).then(
      () => ok(receiver),
      (error) => receiver.fail(error.reply),
    );
  });
  const gateway = gatewayWith({ instances: [await configure('size-limit', { max: '10B' })], upstream });
  const stream = (text: string) => new ArrivingBody(undefined, [text]);
  assert.equal((await send(gateway, request({ body: stream('0123456789') }))).status, 200);
  assert.equal((await send(gateway, request({ body: stream('0123456789+') }))).status, 413);
  await received;
});

test('the smaller of two limits counts, whichever plugin sets it', async () => {
  const webhook = await configure('webhook', { provider: 'github', secret: 'env:X', maxBody: '20B' });
  for (const [max, size, status] of [
    ['10B', 11, 413],
    ['1MiB', 21, 413],
    ['1MiB', 20, 401],
  ] as const) {
    const gateway = gatewayWith({ instances: [webhook, await configure('size-limit', { max })] });
    assert.equal(
      (await send(gateway, request({ bytes: 'x'.repeat(size) }))).status,
      status,
      `${max} ${size}`,
    );
  }
});

for (const max of ['10', '10kb', -1, 10, '1.5MiB', '']) {
  test(`${JSON.stringify(max)} is no size`, async () => {
    await assert.rejects(configure('size-limit', { max }), /expected a size such as/);
  });
}

const byKey = (body: BodyNeed) =>
  instance(
    'key',
    1500,
    {
      body,
      access: (x) => {
        x.subject = { type: 'key', id: x.header('x-key') ?? '' };
        return next;
      },
    },
    'authenticates',
  );
const drain = upstreamOf((receiver, body) => {
  const read = body instanceof Readable ? buffer(body) : Promise.resolve();
  read.then(
    () => ok(receiver),
    (error) => receiver.fail(error.reply),
  );
});
async function limited(route: string | undefined, gold: string, body: BodyNeed) {
  const size = async (max: string) => configure('size-limit', { max });
  return gatewayWith({
    instances: [byKey(body), ...(route === undefined ? [] : [await size(route)])],
    consumers: [{ id: 'gold', matches: (x) => x.subject?.id === 'gold', instances: [await size(gold)] }],
    upstream: drain,
  });
}
const sent = (key: string, size: number, declared: boolean) =>
  request({
    headers: ['host', 'h', 'x-key', key],
    body: new ArrivingBody(declared ? size : undefined, [Buffer.alloc(size)]),
  });

for (const declared of [true, false]) {
  const how = declared ? 'declared' : 'in chunks';
  test(`the most specific limit counts, a consumer's larger one too, when the head says who calls: ${how}`, async () => {
    const gateway = await limited('10B', '20B', { kind: 'none' });
    for (const [key, size, status] of [
      ['gold', 20, 200],
      ['gold', 21, 413],
      ['other', 10, 200],
      ['other', 11, 413],
    ] as const)
      assert.equal((await send(gateway, sent(key, size, declared))).status, status, `${key} ${size}`);
  });

  test(`before the consumer is known the limit of the route holds: ${how}`, async () => {
    const gateway = await limited('10B', '20B', { kind: 'all', limitBytes: 1_000 });
    assert.equal((await send(gateway, sent('gold', 10, declared))).status, 200);
    assert.equal((await send(gateway, sent('gold', 11, declared))).status, 413);
  });

  test(`a consumer's smaller limit applies to every reader of the body: ${how}`, async () => {
    for (const need of [{ kind: 'none' }, { kind: 'all', limitBytes: 1_000 }] as const) {
      const gateway = await limited(undefined, '10B', need);
      assert.equal((await send(gateway, sent('gold', 10, declared))).status, 200);
      assert.equal((await send(gateway, sent('gold', 11, declared))).status, 413);
      assert.equal((await send(gateway, sent('other', 11, declared))).status, 200);
    }
  });
}

test('a larger limit of a consumer that cannot count is warned of when the configuration is loaded', async () => {
  const text = (size: string) => `services: { a: { targets: [{ url: http://h }], transport: direct } }
routes:
  hooks: { match: { path: /h }, service: a, plugins: { webhook: { provider: github, secret: env:A }, size-limit: { max: 1KiB } } }
  open: { match: { path: /o }, service: a, open: true }
consumers:
  gold: { match: "subject.id == 'github'", plugins: { size-limit: { max: ${size} } } }
`;
  for (const [size, expected] of [
    ['1KiB', 0],
    ['1MiB', 1],
  ] as const) {
    const warned: string[] = [];
    const { gateway } = await loadGateway(
      { file: 'FILE', text: text(size) },
      testPorts({ warned: (warnings) => warned.push(...warnings.map(({ message }) => message)) }),
    );
    await gateway.close();
    assert.equal(warned.filter((message) => /before the consumer is known/.test(message)).length, expected);
  }
});
