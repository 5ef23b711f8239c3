import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startServer } from '../../server/listener.ts';
import { gatewayWith } from '../support/gateway.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function open(t: TestContext) {
  const upstream = new HeldUpstream();
  const server = await startServer(gatewayWith({ upstream }), { host: '127.0.0.1', port: 0 });
  t.after(() => server.close(0));
  const client = await RawClient.connect(server.address.port);
  t.after(() => client.close());
  return { upstream, client };
}

for (const [what, headers] of [
  ['a stream of events', ['content-type', 'text/event-stream']],
  ['an answer with its length', ['content-length', '5']],
] as const) {
  test(`a head whose body is still to come is sent at once: ${what}`, async (t) => {
    const { upstream, client } = await open(t);
    client.send(get);
    const { receiver } = await upstream.next();
    receiver.head(200, [...headers]);
    await client.until(/\r\n\r\n$/);
    receiver.data(Buffer.from('event'));
    receiver.end();
    await client.until(/\r\n\r\n(?:event|5\r\nevent\r\n0\r\n\r\n)$/);
  });
}

test('a head whose body is at hand leaves together with it, in one packet', async (t) => {
  const { upstream, client } = await open(t);
  const packets: number[] = [];
  client.socket.on('data', (chunk) => packets.push(chunk.byteLength));
  for (let at = 1; at <= 20; at += 1) {
    client.send(get);
    const { receiver } = await upstream.next();
    receiver.head(200, ['content-length', '2']);
    receiver.data(Buffer.from('ok'));
    receiver.end();
    await client.until(/ok$/);
    client.received = '';
    assert.equal(packets.length, at);
  }
});

test('an answer behind another on its connection waits for its turn', async (t) => {
  const { upstream, client } = await open(t);
  client.send(get + get);
  const [first, second] = [await upstream.next(), await upstream.next()];
  second.receiver.head(201, ['content-length', '3']);
  await new Promise((resolve) => setImmediate(resolve));
  first.receiver.head(200, []);
  await client.until(/200 OK[\s\S]*\r\n\r\n$/);
  first.receiver.end();
  await client.until(/0\r\n\r\nHTTP\/1.1 201 [\s\S]*\r\n\r\n$/);
  second.receiver.data(Buffer.from('two'));
  second.receiver.end();
  await client.until(/two$/);
});
