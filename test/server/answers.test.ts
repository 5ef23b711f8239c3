import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import { createUpstream } from '../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../gateway/upstream/target.ts';
import { startServer } from '../../server/listener.ts';
import { type Answering, startRawTarget } from '../gateway/upstream/fixtures/raw-target.ts';
import { until } from '../gateway/upstream/fixtures/server.ts';
import { gatewayWith, instance } from '../support/gateway.ts';
import { createTransport } from '../support/transport.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

type Options = Pick<Parameters<typeof gatewayWith>[0], 'proxy' | 'instances'>;

/** A client of a listener in front of a raw target. */
async function through(t: TestContext, answer: string | Answering, options: Options = {}) {
  const target = await startRawTarget(t, answer);
  const upstream = createUpstream({
    targets: [parseTarget(`http://127.0.0.1:${target.port}`)],
    transport: createTransport('direct', { clock: systemClock, tailnet: readTailnetPorts({}) }),
    timeoutMs: 10_000,
  });
  t.after(() => upstream.close());
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({ ...options, upstream, finished: (record) => records.push(record) });
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close(0));
  const client = await RawClient.connect(server.address.port);
  t.after(() => client.close());
  return { target, client, records };
}

const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nx-internal: db7\r\ncontent-length: 4\r\n\r\n';

for (const respond of ['headers', 'status', 'none'] as const) {
  test(`with respond: ${respond} no interim answer reaches the client`, async (t) => {
    const { client } = await through(t, hints + ok, { proxy: { respond } });
    const received = await client.send(get).until(/^HTTP\/1.1 2.*\r\n\r\n/s);
    assert.doesNotMatch(received, /103|db7/);
  });
}

test('heads of interim answers pass through the hooks of heads, and have no length', async (t) => {
  const strip = instance('strip', 1, {
    answer(_exchange, answer) {
      answer.headers = answer.headers.filter((_, at) => answer.headers[at - (at % 2)] !== 'x-internal');
    },
  });
  const { client } = await through(t, hints + ok, { instances: [strip] });
  const received = await client.send(get).until(/ok$/);
  assert.match(
    received,
    /^HTTP\/1.1 103 Early Hints\r\nlink: <\/x>\r\nx-request-id: [^\r]+\r\n\r\nHTTP\/1.1 200/,
  );
});

test('interim answers do not pile up for a client that does not take them', async (t) => {
  const upstream = new HeldUpstream();
  const server = await startServer(gatewayWith({ upstream }), { host: '127.0.0.1', port: 0 });
  t.after(() => server.close(0));
  const client = (await RawClient.connect(server.address.port)).send(get);
  t.after(() => client.close());
  const { receiver } = await upstream.next();
  // 90 MB in one turn, in which the client takes no more than what the buffers of the system hold.
  for (let count = 0; count < 3_000; count += 1) receiver.informational(103, ['x', 'y'.repeat(30_000)]);
  receiver.head(200, ['content-length', '2']);
  receiver.data(Buffer.from('ok'));
  receiver.end();
  const received = await client.until(/ok$/);
  assert.ok(received.length < 30_000_000, `${received.length} bytes`);
  assert.match(
    received,
    /^(?:HTTP\/1.1 103 Early Hints\r\nx: y{30000}\r\nx-request-id: \S+\r\n\r\n)+HTTP\/1.1 200 /,
  );
});

for (const [what, sent, wanted] of [
  [
    'a 204 with a length',
    'HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nabcd',
    /^HTTP\/1.1 204 (?!.*content-length)/is,
  ],
  [
    'a 205 with a body',
    'HTTP/1.1 205 Reset\r\ncontent-length: 4\r\n\r\nabcd',
    /^HTTP\/1.1 205 .*content-length: 0\r\n/is,
  ],
] as const) {
  test(`${what} goes to the client without, and the connection serves on`, async (t) => {
    const { client, target } = await through(t, sent);
    const first = await client.send(get).until(/\r\n\r\n$/);
    assert.match(first, wanted);
    assert.doesNotMatch(first, /abcd/);
    client.received = '';
    assert.match(await client.send(get).until(/\r\n\r\n$/), wanted);
    assert.equal(target.connections(), 2);
  });
}

for (const [what, sent] of [
  [
    'a bad first chunk in the packet of the head',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
  ],
  ['a status below 100', 'HTTP/1.1 099 X\r\ncontent-length: 0\r\n\r\n'],
  ['a coding below chunked', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
] as const) {
  test(`${what} is a 502 for the client and in the log`, async (t) => {
    const { client, records } = await through(t, sent);
    const answer = firstAnswer(await client.send(get).until(/\r\n\r\n\{.*\}/));
    assert.deepEqual([answer.status, answer.code], [502, 'upstream:bad-answer']);
    assert.deepEqual([records[0]?.status, records[0]?.brokenOff], [502, undefined]);
  });
}

test('the beginning of an answer reaches the client before its next packet', async (t) => {
  let go = () => {};
  const { client } = await through(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n');
    go = () => void socket.write('0\r\n\r\n');
  });
  await client.send(get).until(/ok/);
  go();
  await client.until(/0\r\n\r\n$/);
});

test('a body that does not go to the client is not read without end', async (t) => {
  let closed = false;
  const { client, records } = await through(
    t,
    (socket) => {
      socket.on('close', () => {
        closed = true;
      });
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = () => {
        if (!closed) socket.write(Buffer.alloc(16 * 1024), () => setImmediate(more));
      };
      more();
    },
    { proxy: { respond: 'status' } },
  );
  assert.match(await client.send(get).until(/\r\n\r\n/), /^HTTP\/1.1 200 .*content-length: 0/s);
  await until(() => closed, 'the end of the connection to the target');
  assert.equal(records[0]?.brokenOff, undefined);
});
