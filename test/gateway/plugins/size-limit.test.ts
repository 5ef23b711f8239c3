import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import { StreamBody } from '../../../gateway/body.ts';
import { gatewayWith, ok, request, send, upstreamOf } from '../../support/gateway.ts';
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
  const unread = new Readable({ read: () => assert.fail('the body was read') });
  const gateway = gatewayWith({ instances: [await configure('size-limit', { max: '10B' })] });
  assert.equal((await send(gateway, request({ body: new StreamBody(unread, 11) }))).status, 413);
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
  const stream = (text: string) =>
    new StreamBody(Readable.from([Buffer.from(text)], { objectMode: false }), undefined);
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
    await assert.rejects(configure('size-limit', { max }));
  });
}
