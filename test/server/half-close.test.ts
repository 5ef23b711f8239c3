import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import { type ListenOptions, startServer } from '../../server/listener.ts';
import { gatewayWith, instance } from '../support/gateway.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type HeldCall, HeldUpstream } from './fake-upstream.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi';
const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n';
const wantsBody: Hooks = { body: { kind: 'all', limitBytes: 1024 }, access: () => ({ kind: 'next' }) };

async function open(t: TestContext, limits: ListenOptions['limits'] = {}, hooks?: Hooks) {
  const upstream = new HeldUpstream();
  const gateway = gatewayWith({ upstream, ...(hooks && { instances: [instance('given', 1, hooks)] }) });
  const clock = new VirtualClock();
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits, clock });
  t.after(() => clock.run(server.close(0)));
  const client = await RawClient.connect(server.address.port);
  return { upstream, server, client, clock };
}

function answer({ receiver }: HeldCall, text = 'late'): void {
  receiver.head(200, ['content-length', String(text.length)]);
  receiver.data(Buffer.from(text));
  receiver.end();
}

for (const [what, bytes, hooks] of [
  ['a GET', get, undefined],
  ['a body with its length', post, wantsBody],
  ['a body in chunks', chunked, wantsBody],
  ['a body that is forwarded', post, undefined],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', undefined],
] as const) {
  test(`a client that closes its side after its request gets the answer, and then the end: ${what}`, async (t) => {
    const { upstream, client } = await open(t, {}, hooks);
    client.send(bytes).socket.end();
    const held = await upstream.next();
    await delay(100);
    assert.equal(held.aborted, false);
    answer(held);
    const { status, headers, body } = firstAnswer(await client.ended());
    assert.deepEqual([status, body], [200, 'late']);
    assert.match(headers, /connection: close/i);
    assert.equal(client.error, undefined);
  });
}

test('all requests that were sent before are answered, in their order', async (t) => {
  const { upstream, client } = await open(t);
  client.send(get + post + get).socket.end();
  const calls = [await upstream.next(), await upstream.next(), await upstream.next()];
  await delay(50);
  for (const at of [2, 1, 0]) answer(calls[at] as HeldCall, `answer ${at + 1}`);
  const received = await client.ended();
  assert.deepEqual(received.match(/answer \d/g), ['answer 1', 'answer 2', 'answer 3']);
});

test('an answer whose head was sent before goes on', async (t) => {
  const { upstream, client } = await open(t);
  client.send(get);
  const { receiver } = await upstream.next();
  receiver.head(200, []);
  receiver.data(Buffer.from('one'));
  await client.until(/one/);
  client.socket.end();
  await delay(50);
  receiver.data(Buffer.from('two'));
  receiver.end();
  assert.match(await client.ended(), /one\r\n3\r\ntwo\r\n0\r\n\r\n$/);
});

test('a request that is cut off by the end of its bytes is refused, not waited for', async (t) => {
  for (const bytes of [post.slice(0, -1), chunked.slice(0, -2), 'GET / HTTP/1.1\r\nHost']) {
    const { client, clock } = await open(t, {}, wantsBody);
    client.send(bytes).socket.end();
    assert.equal(firstAnswer(await clock.run(client.ended())).status, 400);
  }
});

test('a reset after the end of the request still ends the work', async (t) => {
  const { upstream, client, clock } = await open(t);
  client.send(get).socket.end();
  const held = await upstream.next();
  await delay(50);
  assert.equal(held.aborted, false);
  client.socket.resetAndDestroy();
  await clock.run(come(() => held.aborted));
});

test('a connection without a request under way is closed when its client closes its side', async (t) => {
  const { upstream, client, server } = await open(t);
  client.send(get);
  answer(await upstream.next());
  await client.until(/late$/);
  client.socket.end();
  await client.ended();
  const silent = await RawClient.connect(server.address.port);
  silent.socket.end();
  assert.equal(await silent.ended(), '');
});

test('a client that closed its side and takes nothing is cut', async (t) => {
  const { upstream, client, clock } = await open(t);
  client.send(get).socket.end();
  const held = await upstream.next();
  client.socket.pause();
  held.receiver.head(200, []);
  const chunk = Buffer.alloc(1 << 20);
  while (!held.aborted) {
    const { resumed } = held;
    if (!held.receiver.data(chunk)) await clock.run(come(() => held.resumed !== resumed || held.aborted));
  }
  client.close();
});

test('an answer that was handed over whole and that the client does not take is cut too', async (t) => {
  const { upstream, client, server, clock } = await open(t, { connections: 1 });
  client.send(get).socket.end();
  const { receiver } = await upstream.next();
  client.socket.pause();
  const body = Buffer.alloc(64 << 20);
  receiver.head(200, ['content-length', String(body.byteLength)]);
  receiver.data(body);
  receiver.end();
  // Its place counts until it is cut.
  async function untilThereIsRoom(): Promise<void> {
    while (upstream.calls.length === 1) {
      const other = await RawClient.connect(server.address.port);
      other.send(get);
      await delay(20);
      other.close();
    }
  }
  await clock.run(untilThereIsRoom());
  client.close();
});

test('a stop waits for the answer to a client that closed its side', async (t) => {
  const { upstream, client, server } = await open(t);
  client.send(get).socket.end();
  const held = await upstream.next();
  await delay(50);
  const closed = server.close(5_000);
  await delay(50);
  answer(held);
  assert.match(await client.ended(), /late$/);
  assert.equal(await closed, 0);
});

async function come(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}
