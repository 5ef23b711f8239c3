import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import type { BodyError } from '../../gateway/request/body.ts';
import type { Upstream } from '../../gateway/upstream/upstream.ts';
import { type ListenOptions, startServer } from '../../server/listener.ts';
import { gatewayWith, instance, ok, upstreamOf } from '../support/gateway.ts';
import { quiet } from '../support/quiet.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { echo, type HeldCall, HeldUpstream } from './fake-upstream.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const head = 'POST / HTTP/1.1\r\nHost: a\r\n';
const whole = `${head}Content-Length: 60000\r\n\r\n${'a'.repeat(60_000)}`;
const goOn = { kind: 'next' } as const;
const gathers: Hooks = { body: { kind: 'all', limitBytes: 8 << 20 }, access: () => goOn };
const gathersLate = { access: () => delay(100).then(() => goOn) } satisfies Hooks;

interface Given {
  readonly hooks?: readonly Hooks[];
  readonly upstream?: Upstream;
  readonly limits: ListenOptions['limits'];
  readonly clock?: VirtualClock;
}

async function serve(t: TestContext, { hooks = [], upstream, limits, clock }: Given) {
  const instances = hooks.map((one, at) => instance(`given-${at}`, 10 - at, one));
  const gateway = gatewayWith({ instances, ...(upstream && { upstream }) });
  const server = await startServer(gateway, {
    host: '127.0.0.1',
    port: 0,
    limits: { lingerMs: 100, ...limits },
    ...(clock && { clock }),
  });
  t.after(() => (clock === undefined ? server.close(0) : clock.run(server.close(0))));
  return server.address.port;
}

const counts = upstreamOf((receiver, body) =>
  echo(
    body,
    (bytes) => {
      const text = String(bytes.byteLength);
      receiver.head(200, ['content-length', String(text.length)]);
      receiver.data(Buffer.from(text));
      receiver.end();
    },
    () => {},
  ),
);

for (const [what, hooks] of [
  ['gathered as they come', [gathers]],
  ['gathered after a plugin that waits', [gathersLate, gathers]],
] as const) {
  for (const framing of ['with their length', 'in chunks'] as const) {
    test(`bodies that are held back may hold so much together, and what is given back can be had again: ${what}, ${framing}`, async (t) => {
      const port = await serve(t, { hooks, upstream: counts, limits: { memoryPerAddressBytes: 200_000 } });
      const isChunked = framing === 'in chunks';
      const start = isChunked
        ? `${head}Transfer-Encoding: chunked\r\n\r\n`
        : `${head}Content-Length: 60001\r\n\r\n`;
      const most = isChunked ? `ea60\r\n${'a'.repeat(60_000)}\r\n` : 'a'.repeat(60_000);
      const rest = isChunked ? '1\r\na\r\n0\r\n\r\n' : 'a';
      const holding: RawClient[] = [];
      for (let at = 0; at < 3; at += 1) {
        const client = await RawClient.connect(port);
        holding.push(client.send(start + most));
      }
      await delay(200);
      const late = await RawClient.connect(port);
      const { status, code, headers } = firstAnswer(await late.send(start + most).until(/"code":[^\n]*\n$/));
      assert.deepEqual([status, code], [503, 'http:overloaded']);
      assert.match(headers, /\r\nretry-after: 1\b/i);
      for (const client of holding) await client.send(rest).until(/\r\n\r\n60001$/);
      const again = await RawClient.connect(port);
      await again.send(start + most + rest).until(/\r\n\r\n60001$/);
      for (const client of [...holding, late, again]) client.close();
    });
  }
}

for (const [what, limits] of [
  ['for one address', { memoryPerAddressBytes: 300_000 }],
  ['for all', { memoryBytes: 300_000 }],
] as const) {
  for (const [when, hooks] of [
    ['at once', [gathers]],
    ['after a wait', [gathersLate, gathers]],
  ] as const) {
    test(`a body that could never be held is too large, not in need of a retry: ${what}, gathered ${when}`, async (t) => {
      const port = await serve(t, { hooks, upstream: counts, limits });
      const ask = async (bytes: string | Buffer) => {
        const client = await RawClient.connect(port);
        const answer = firstAnswer(await client.send(bytes).until(/"code":[^\n]*\n$|\r\n\r\n60000$/));
        client.close();
        assert.doesNotMatch(answer.headers, /retry-after/i);
        return [answer.status, answer.code];
      };
      const tooLarge = [413, 'gateway:body-too-large'];
      // Its head counts too.
      assert.deepEqual(await ask(`${head}Content-Length: 299999\r\n\r\n`), tooLarge);
      assert.deepEqual(await ask(`${head}Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n`), tooLarge);
      const chunks = '1000\r\n'
        .padEnd(4_096 + 6, 'a')
        .concat('\r\n')
        .repeat(75);
      assert.deepEqual(await ask(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks}`), tooLarge);
      assert.equal((await ask(whole))[0], 200);
    });
  }
}

test('a body that could never be held is forwarded all the same', async (t) => {
  const port = await serve(t, { upstream: counts, limits: { memoryPerAddressBytes: 200_000 } });
  const client = await RawClient.connect(port);
  client.send(`${head}Content-Length: 900000\r\n\r\n`).send('a'.repeat(900_000));
  assert.equal(firstAnswer(await client.until(/\r\n\r\n900000$/)).status, 200);
  client.close();
});

test('a head that could never be held is too large, not in need of a retry', async (t) => {
  const port = await serve(t, { limits: { memoryPerAddressBytes: 10_000 } });
  const client = await RawClient.connect(port);
  const answer = firstAnswer(
    await client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(9_000)}\r\n\r\n`).ended(),
  );
  assert.deepEqual([answer.status, answer.code], [431, 'http:headers-too-large']);
});

test('requests sent ahead count with their heads', async (t) => {
  const upstream = new HeldUpstream();
  const port = await serve(t, { upstream, limits: { memoryPerAddressBytes: 100_000 } });
  const client = await RawClient.connect(port);
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(16_000)}\r\n\r\n`.repeat(10));
  const held = [await upstream.next(), await upstream.next(), await upstream.next(), await upstream.next()];
  await delay(100);
  for (const { receiver } of held) {
    receiver.head(200, ['content-length', '0']);
    receiver.end();
  }
  const received = await client.ended();
  assert.match(received, /HTTP\/1\.1 503 [\s\S]*"code":"http:overloaded"/);
  assert.equal(upstream.calls.length, 4);
});

test('a body that waits for a target is held in part: the client waits too', async (t) => {
  const upstream = new HeldUpstream();
  const port = await serve(t, { upstream, limits: { memoryPerAddressBytes: 400_000 } });
  const client = await RawClient.connect(port);
  client.send(`${head}Content-Length: 9000000\r\n\r\n`);
  for (let sent = 0; sent < 90; sent += 1) client.send(Buffer.alloc(100_000));
  await upstream.next();
  await delay(300);
  assert.equal(client.received, '');
  assert.ok(client.socket.writableLength > 0, 'the server took everything');
  client.close();
});

const readers = {
  // The deadline of a service is a real timer.
  gathered: { hooks: [gathers], upstream: upstreamOf(ok, 60_000) },
  forwarded: {
    upstream: upstreamOf((receiver, body) => {
      echo(body, ok.bind(undefined, receiver), (error) => receiver.fail((error as BodyError).reply));
    }, 60_000),
  },
} as const;
for (const [what, given] of Object.entries(readers)) {
  for (const [how, everyMs, bytes] of [
    ['brings nothing', 0, 0],
    ['brings a byte now and then', 20, 1],
  ] as const) {
    test(`a body that makes no progress is given up, and it is the client that was too slow: ${what}, ${how}`, async (t) => {
      const limits = { bodyWindowMs: 150, bodyBytesPerSecond: 1_000 };
      const clock = new VirtualClock();
      const port = await serve(t, { ...given, limits, clock });
      const client = await RawClient.connect(port);
      // In one packet, and taken before time passes: a look in between would count it as progress.
      client.send(`${head}Content-Length: 100000\r\n\r\n${'a'.repeat(1_000)}`);
      await quiet();
      const drip = async () => {
        for (; !client.socket.destroyed; await clock.sleep(everyMs)) client.send('a'.repeat(bytes));
      };
      if (everyMs > 0) void drip();
      const answer = await clock.run(client.until(/"code":[^\n]*\n$/));
      const { status, code } = firstAnswer(answer);
      assert.deepEqual([status, code], [408, 'gateway:body-timeout']);
      // It is looked at twice in a window, so a window begins and ends at one of these looks.
      assert.equal(clock.monotonic(), 75 + 150);
      client.close();
    });
  }
}

test('a body that nobody reads for a while is not called slow', async (t) => {
  const clock = new VirtualClock();
  const waits: Hooks = { access: () => clock.sleep(400).then(() => goOn) };
  const limits = { bodyWindowMs: 100, bodyBytesPerSecond: 1_000 };
  const port = await serve(t, { hooks: [waits], upstream: counts, limits, clock });
  const client = await RawClient.connect(port);
  client.send(`${head}Content-Length: 6\r\n\r\n123`);
  await clock.run(clock.sleep(390));
  assert.equal(client.received, '');
  await clock.run(clock.sleep(30));
  await client.send('456').until(/\r\n\r\n6$/);
  client.close();
});

const no = { kind: 'refuse', status: 502, code: 'test:broken', title: 'Broken' } as const;
const ends: Record<string, (client: RawClient, held: HeldCall) => void> = {
  'its answer breaks off': (_client, { receiver }) => {
    receiver.head(200, ['content-length', '9']);
    receiver.data(Buffer.from('half'));
    receiver.fail(no);
  },
  'its target fails': (_client, { receiver }) => receiver.fail(no),
  'its client resets the connection': (client) => client.socket.resetAndDestroy(),
  'its client resets the connection in the middle of the answer': (client, { receiver }) => {
    receiver.head(200, ['content-length', '9']);
    receiver.data(Buffer.from('half'));
    client.socket.resetAndDestroy();
  },
  'CONNECT comes behind it': (client) => client.send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'),
};

for (const [what, end] of Object.entries(ends)) {
  for (const [how, hooks, ahead] of [
    ['gathered', [gathers], 0],
    ['gathered, behind another', [gathers], 1],
    ['forwarded', [], 0],
    ['forwarded, behind another', [], 1],
  ] as const) {
    test(`what an exchange held is given back when ${what}: ${how}`, async (t) => {
      const upstream = new HeldUpstream();
      const port = await serve(t, {
        hooks,
        upstream,
        limits: { memoryBytes: 100_000, memoryPerAddressBytes: 100_000 },
      });
      for (let turn = 0; turn < 6; turn += 1) {
        const client = await RawClient.connect(port);
        client.send(`${'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(ahead)}${whole}`);
        for (let at = 0; at < ahead; at += 1) await upstream.next();
        const held = await upstream.next();
        await delay(20);
        end(client, held);
        await delay(50);
        client.socket.resetAndDestroy();
        await delay(10);
      }
      const client = await RawClient.connect(port);
      client.send(`${head}Content-Length: 60000\r\n\r\n${'a'.repeat(59_000)}`);
      await delay(20);
      client.send('a'.repeat(1_000));
      const { receiver } = await upstream.next();
      receiver.head(204, []);
      receiver.end();
      await client.until(/204/);
      client.close();
    });
  }
}

test('a body that comes whole after its request was answered holds nothing', async (t) => {
  const limits = { memoryBytes: 100_000, memoryPerAddressBytes: 100_000 };
  const port = await serve(t, { hooks: [gathers], upstream: upstreamOf(ok, 100), limits });
  const client = await RawClient.connect(port);
  for (let turn = 0; turn < 3; turn += 1) {
    client.received = '';
    client.send(whole.slice(0, -1_000));
    await client.until(/ 408 [\s\S]*"code":"gateway:body-timeout"[^\n]*\n$/);
    client.send('a'.repeat(1_000));
  }
  client.received = '';
  await client.send(whole).until(/200 OK[\s\S]*ok$/);
  client.close();
});

test('the body of a request that is not carried out is held for nobody', async (t) => {
  const limits = { memoryBytes: 100_000, memoryPerAddressBytes: 100_000 };
  const port = await serve(t, { hooks: [gathers], upstream: counts, limits });
  const refused = `${head}Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  for (let turn = 0; turn < 3; turn += 1) {
    const client = await RawClient.connect(port);
    await client.send(`${refused}${whole}CONNECT a:1 HTTP/1.1\r\n\r\n`).ended();
  }
  const client = await RawClient.connect(port);
  await client.send(whole).until(/200 OK[\s\S]*60000$/);
  client.close();
});
