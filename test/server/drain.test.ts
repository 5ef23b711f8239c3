import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startServer } from '../../server/listener.ts';
import { gatewayWith } from '../support/gateway.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function open(t: TestContext) {
  const upstream = new HeldUpstream();
  const clock = new VirtualClock();
  const server = await startServer(gatewayWith({ upstream }), { host: '127.0.0.1', port: 0, clock });
  t.after(() => clock.run(server.close(0)));
  return { upstream, server, clock };
}

test('a stop lets a request under way finish, says that the connection closes, and takes no new one', async (t) => {
  const { upstream, server } = await open(t);
  const client = await RawClient.connect(server.address.port);
  client.send(get);
  const { receiver } = await upstream.next();
  const closed = server.close(5_000);
  await assert.rejects(RawClient.connect(server.address.port), { code: 'ECONNREFUSED' });
  receiver.head(200, ['content-length', '2']);
  receiver.data(Buffer.from('ok'));
  receiver.end();
  const received = await client.ended();
  assert.match(received, /connection: close\r\n[\s\S]*ok$/i);
  assert.equal(await closed, 0);
});

test('a stop waits for an answer whose head was sent before', async (t) => {
  const { upstream, server } = await open(t);
  const client = await RawClient.connect(server.address.port);
  client.send(get);
  const { receiver } = await upstream.next();
  receiver.head(200, ['content-length', '4']);
  receiver.data(Buffer.from('on'));
  await client.until(/on$/);
  const closed = server.close(5_000);
  receiver.data(Buffer.from('ce'));
  receiver.end();
  assert.match(await client.ended(), /once$/);
  assert.equal(await closed, 0);
});

test('a stop closes connections at once that are idle or never said a word', async (t) => {
  const { upstream, server } = await open(t);
  const [idle, silent] = [
    await RawClient.connect(server.address.port),
    await RawClient.connect(server.address.port),
  ];
  idle.send(get);
  const { receiver } = await upstream.next();
  receiver.head(204, []);
  receiver.end();
  await idle.until(/204/);
  // No time passes.
  assert.equal(await server.close(5_000), 0);
  await Promise.all([idle.ended(), silent.ended()]);
});

test('a stop cuts off what takes longer than the grace', async (t) => {
  const { upstream, server, clock } = await open(t);
  const client = await RawClient.connect(server.address.port);
  client.send(get);
  const held = await upstream.next();
  const before = clock.monotonic();
  assert.equal(await clock.run(server.close(5_000)), 1);
  assert.equal(clock.monotonic() - before, 5_000);
  await client.ended();
  assert.equal(held.aborted, true);
});

test('a stop can be cut short', async (t) => {
  const { upstream, server } = await open(t);
  const client = await RawClient.connect(server.address.port);
  client.send(get);
  await upstream.next();
  const impatience = new AbortController();
  const closed = server.close(60_000, impatience.signal);
  impatience.abort();
  assert.equal(await closed, 1);
});
