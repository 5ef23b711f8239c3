import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, instance } from '../support/gateway.ts';
import { type HeldCall, HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const connect = 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n';

async function open(t: TestContext, hooks?: Hooks) {
  const upstream = new HeldUpstream();
  const gateway = gatewayWith({ upstream, ...(hooks && { instances: [instance('given', 1, hooks)] }) });
  const limits = { lingerMs: 50 };
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits });
  t.after(() => server.close(0));
  const client = await RawClient.connect(server.address.port);
  t.after(() => client.close());
  return { upstream, server, client };
}

function answer({ call, receiver }: HeldCall): void {
  receiver.head(200, ['content-length', String(call.path.length)]);
  receiver.data(Buffer.from(call.path));
  receiver.end();
}

const statuses = (received: string) => received.match(/HTTP\/1\.1 \d{3}/g)?.map((line) => line.slice(9));

for (const [what, bytes] of [
  ['no HTTP', 'XX\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a refused request', 'POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
] as const) {
  test(`a request under way is answered before what comes behind it is refused: ${what}`, async (t) => {
    const { upstream, client } = await open(t);
    client.send(`${get('/a')}${bytes}`);
    const held = await upstream.next();
    await delay(20);
    assert.equal(client.received, '');
    answer(held);
    const received = await client.ended();
    assert.equal(statuses(received)?.[0], '200');
    assert.match(received, /\r\n\r\n\/a/);
  });
}

for (const [what, before] of [
  ['alone', ''],
  ['behind a request under way', get('/a')],
] as const) {
  test(`a client that resets its connection after CONNECT ends nothing but its connection: ${what}`, async (t) => {
    const { server } = await open(t);
    for (const pauseMs of [0, 1, 5, 20]) {
      const client = await RawClient.connect(server.address.port);
      client.send(`${before}${connect}${'x'.repeat(100_000)}`);
      if (pauseMs > 0) await delay(pauseMs);
      client.socket.resetAndDestroy();
      if (!client.socket.closed) await once(client.socket, 'close');
    }
    await delay(50);
  });
}

test('CONNECT behind requests under way ends them and their connection, and leaves nothing behind', async (t) => {
  const { upstream, server, client } = await open(t);
  client.send(`${get('/a')}${get('/b')}${get('/c')}${connect}${get('/d')}`);
  assert.equal(await client.ended(), '');
  assert.deepEqual(
    upstream.calls.map(({ aborted }) => aborted),
    [true, true, true],
  );
  assert.equal(await server.close(1_000), 0);
});

const expecting = 'POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n';
const no = { kind: 'refuse', status: 403, code: 'test:no', title: 'No' } as const;
const later = () => delay(20, no);

for (const [what, bytes, refuse, answers] of [
  ['its body is in the same packet', `${expecting}Content-Length: 3\r\n\r\nabc`, () => no, ['403']],
  ['it is refused when its body has come', `${expecting}Content-Length: 3\r\n\r\nabc`, later, ['403', '200']],
  ['it has no body', `${expecting}\r\n`, () => no, ['403', '200']],
  ['it has no body and is refused later', `${expecting}\r\n`, later, ['403', '200']],
] as const) {
  test(`a request behind one that expects 100 (Continue) and is refused is answered, or not carried out: ${what}`, async (t) => {
    const access: Hooks['access'] = ({ head }) => (head.method === 'POST' ? refuse() : { kind: 'next' });
    const { upstream, client } = await open(t, { access });
    client.send(`${bytes}${get('/b')}`);
    client.socket.end();
    if (answers.length > 1) answer(await upstream.next());
    assert.deepEqual(statuses(await client.ended()), answers);
    assert.equal(upstream.calls.length, answers.length - 1);
  });
}

test('an answer that breaks off while it waits for its turn closes the connection in its turn', async (t) => {
  const { upstream, client } = await open(t);
  client.send(`${get('/a')}${get('/b')}${get('/c')}`);
  const [a, b, c] = [await upstream.next(), await upstream.next(), await upstream.next()];
  b.receiver.head(200, ['content-length', '9']);
  b.receiver.data(Buffer.from('half'));
  b.receiver.fail({ kind: 'refuse', status: 502, code: 'test:broken', title: 'Broken' });
  await delay(20);
  assert.equal(client.received, '');
  answer(a);
  assert.deepEqual(statuses(await client.ended()), ['200']);
  assert.match(client.received, /\/a$/);
  assert.equal(c.aborted, true);
});

test('an answer does not go on in the middle of what another one writes', async (t) => {
  const { upstream, client } = await open(t);
  client.send(`${get('/a')}${get('/b')}`);
  const [a, b] = [await upstream.next(), await upstream.next()];
  a.receiver.head(200, ['content-length', '100002']);
  assert.equal(a.receiver.data(Buffer.alloc(100_000)), false);
  answer(b);
  assert.equal(a.resumed, 0);
  await client.until(/\0{100000}$/);
  assert.equal(a.resumed, 1);
  a.receiver.data(Buffer.from('/a'));
  a.receiver.end();
  await client.until(/\/aHTTP[\s\S]*\/b$/);
});

test('a stop answers all requests that were sent ahead, and says with the last one that the connection closes', async (t) => {
  const { upstream, server, client } = await open(t);
  client.send(`${get('/a')}${get('/b')}`);
  const both = [await upstream.next(), await upstream.next()];
  const closed = server.close(5_000);
  client.send(get('/c'));
  await delay(20);
  for (const held of both) answer(held);
  assert.deepEqual((await client.ended()).match(/connection: [a-z-]+|\/[a-z]$|\/[a-z](?=HTTP)/gi), [
    'Connection: keep-alive',
    '/a',
    'Connection: close',
    '/b',
  ]);
  assert.equal(upstream.calls.length, 2);
  assert.equal(await closed, 0);
});
