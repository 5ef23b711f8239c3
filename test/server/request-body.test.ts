import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import fc from 'fast-check';
import { type Body, BodyError, BytesBody } from '../../gateway/request/body.ts';
import { ArrivingBody } from '../support/arriving-body.ts';

async function forwarded(body: Body): Promise<string> {
  const given = body.forward();
  if (given === null) return '';
  return (given instanceof Uint8Array ? Buffer.from(given) : await buffer(given)).toString();
}

const isTooLarge = (error: unknown) =>
  error instanceof BodyError && error.reply.code === 'gateway:body-too-large';

test('a body that no plugin reads is forwarded as the stream it is', async () => {
  const body = new ArrivingBody(4, ['ab', 'cd']);
  assert.equal(body.forward(), body.request);
  assert.equal(await forwarded(body), 'abcd');
});

test('a body without content-length and transfer-encoding is empty and is not waited for', () => {
  const body = new ArrivingBody(0);
  assert.deepEqual(body.all(), new Uint8Array(0));
  assert.equal(body.forward(), null);
  assert.equal(body.awaited, false);
});

test('the target gets the same bytes whether the body was read before or not', async () => {
  const chunks = fc.array(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.nat(2), fc.boolean(), async (parts, reads, inMemory) => {
      const whole = Buffer.from(parts.join(''));
      const body = inMemory ? new BytesBody(whole) : new ArrivingBody(undefined, parts);
      for (let read = 0; read < reads; read += 1) assert.deepEqual(Buffer.from(await body.all()), whole);
      assert.equal(await forwarded(body), whole.toString());
    }),
  );
});

test('a declared length over the limit is refused before a byte is read', () => {
  for (const body of [new ArrivingBody(11), new BytesBody(Buffer.alloc(11))]) {
    assert.throws(() => body.limit(10), isTooLarge);
    assert.equal(body.awaited, false);
  }
});

test('a body without a declared length is refused as soon as it passes the limit', async () => {
  const body = new ArrivingBody(undefined);
  body.limit(20);
  const all = body.all();
  for (let sent = 0; sent < 3; sent += 1) body.request.push(Buffer.alloc(8));
  await assert.rejects(async () => all, isTooLarge);
});

test('a body without a declared length that is forwarded unread breaks off at the limit', async () => {
  const body = new ArrivingBody(undefined);
  body.limit(20);
  const stream = body.forward() as Readable;
  for (let sent = 0; sent < 3; sent += 1) body.request.push(Buffer.alloc(8));
  let seen = 0;
  await assert.rejects(async () => {
    for await (const chunk of stream) seen += (chunk as Buffer).length;
  }, isTooLarge);
  assert.ok(seen <= 20, `${seen} bytes`);
});

test('a body without a declared length that has come whole before it is forwarded is refused past the limit', () => {
  const body = new ArrivingBody(undefined, ['123456']);
  body.limit(5);
  assert.throws(() => body.forward(), isTooLarge);
});

test('a later and larger limit does not lift an earlier one', async () => {
  const body = new ArrivingBody(undefined, ['123456']);
  body.limit(5);
  body.limit(100);
  await assert.rejects(async () => body.all(), isTooLarge);
});

test('a client that goes away in the middle of its body is an error, not a shorter body', async () => {
  const body = new ArrivingBody(100);
  const all = body.all();
  body.request.push(Buffer.from('half'));
  setImmediate(() => body.request.destroy());
  await assert.rejects(
    async () => all,
    (error) => error instanceof BodyError && error.reply.code === 'gateway:body-aborted',
  );
});

test('a body is waited for while it is gathered, and until its last byte has come', async () => {
  const body = new ArrivingBody(4);
  assert.equal(body.awaited, false);
  const all = body.all();
  body.request.push(Buffer.from('ab'));
  assert.equal(body.awaited, true);
  body.request.push(Buffer.from('cd'));
  body.complete();
  await all;
  assert.equal(body.awaited, false);
});
