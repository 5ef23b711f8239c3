import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import fc from 'fast-check';
import { type Body, BodyError, BytesBody, StreamBody } from '../../../gateway/request/body.ts';

const chunked = (chunks: readonly string[]) =>
  Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );

async function rest(body: Body): Promise<string> {
  const forward = body.forward();
  if (forward === null) return '';
  return (forward instanceof Uint8Array ? Buffer.from(forward) : await buffer(forward)).toString();
}

const isTooLarge = (error: unknown) =>
  error instanceof BodyError && error.reply.code === 'gateway:body-too-large';

test('a body that no plugin reads is forwarded as the stream it is', async () => {
  const stream = chunked(['ab', 'cd']);
  const body = new StreamBody(stream, 4);
  assert.equal(body.forward(), stream);
  assert.equal(await rest(body), 'abcd');
});

test('a body without content-length and transfer-encoding is empty and is not waited for', () => {
  const empty = () => new StreamBody(new Readable({ read: () => assert.fail('it was read') }), 0);
  assert.deepEqual(empty().all(), new Uint8Array(0));
  assert.deepEqual(empty().prefix(10), new Uint8Array(0));
  assert.equal(empty().forward(), null);
  const body = empty();
  body.all();
  assert.deepEqual(body.prefix(10), new Uint8Array(0));
  assert.equal(body.forward(), null);
});

test('whatever is read before, the target gets the same bytes', async () => {
  const chunks = fc.array(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 6 });
  const reads = fc.array(fc.oneof(fc.constant('all' as const), fc.nat(12)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(chunks, reads, fc.boolean(), async (parts, steps, inMemory) => {
      const whole = Buffer.from(parts.join(''));
      const body = inMemory ? new BytesBody(whole) : new StreamBody(chunked(parts), undefined);
      for (const step of steps) {
        const read = await (step === 'all' ? body.all() : body.prefix(step));
        assert.deepEqual(Buffer.from(read), step === 'all' ? whole : whole.subarray(0, step));
      }
      assert.equal(await rest(body), whole.toString());
    }),
  );
});

test('a declared length over the limit is refused before a byte is read', () => {
  const body = new StreamBody(new Readable({ read: () => assert.fail('it was read') }), 11);
  assert.throws(() => body.limit(10), isTooLarge);
  assert.throws(() => new BytesBody(Buffer.alloc(11)).limit(10), isTooLarge);
});

test('a body without a declared length is refused as soon as it passes the limit', async () => {
  const endless = new Readable({
    read() {
      this.push('x'.repeat(8));
    },
  });
  const body = new StreamBody(endless, undefined);
  body.limit(20);
  await assert.rejects(async () => body.all(), isTooLarge);
});

test('a body without a declared length that is forwarded unread breaks off at the limit', async () => {
  const endless = new Readable({
    read() {
      this.push('x'.repeat(8));
    },
  });
  const body = new StreamBody(endless, undefined);
  body.limit(20);
  let seen = 0;
  await assert.rejects(async () => {
    for await (const chunk of body.forward() as Readable) seen += (chunk as Buffer).length;
  }, isTooLarge);
  assert.ok(seen <= 20, `${seen} bytes`);
});

test('a later and larger limit does not lift an earlier one', async () => {
  const body = new StreamBody(chunked(['123456']), undefined);
  body.limit(5);
  body.limit(100);
  await assert.rejects(async () => body.all(), isTooLarge);
});

test('a client that goes away in the middle of its body is an error, not a shorter body', async () => {
  const stream = new Readable({ read() {} });
  const body = new StreamBody(stream, 100);
  const all = body.all();
  stream.push('half');
  setImmediate(() => stream.destroy());
  await assert.rejects(
    async () => all,
    (error) => error instanceof BodyError && error.reply.code === 'gateway:body-aborted',
  );
});
