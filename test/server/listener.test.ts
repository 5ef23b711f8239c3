import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import type { Upstream } from '../../gateway/upstream/upstream.ts';
import { type ListenOptions, type RunningServer, startServer } from '../../server/listener.ts';
import { gatewayWith, instance, upstreamOf } from '../support/gateway.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { echo, HeldUpstream } from './fake-upstream.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const head = 'POST / HTTP/1.1\r\nHost: a\r\n';
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const wantsBody: Hooks = { body: { kind: 'all', limitBytes: 8 << 20 }, access: () => ({ kind: 'next' }) };
const refusesAll: Hooks = {
  access: () => ({ kind: 'refuse', code: 'test:no', status: 403, title: 'No' }),
};

interface Given {
  readonly hooks?: Hooks;
  readonly upstream?: Upstream;
  readonly limits?: ListenOptions['limits'];
  readonly finished?: (record: FinishedRequest) => void;
  /** Where a test must let time pass. */
  readonly clock?: VirtualClock;
}

async function serve(
  t: TestContext,
  { hooks, upstream, limits, finished, clock }: Given = {},
): Promise<RunningServer> {
  const gateway = gatewayWith({
    ...(hooks && { instances: [instance('given', 1, hooks)] }),
    ...(upstream && { upstream }),
    ...(finished && { finished }),
  });
  const server = await startServer(gateway, {
    host: '127.0.0.1',
    port: 0,
    limits: { lingerMs: 200, ...limits },
    ...(clock && { clock }),
  });
  t.after(() => (clock === undefined ? server.close(0) : clock.run(server.close(0))));
  return server;
}

const digest = upstreamOf((receiver, body) => {
  echo(
    body,
    (bytes) => {
      const text = `${bytes.byteLength} ${createHash('sha256').update(bytes).digest('hex')}`;
      receiver.head(200, ['content-length', String(text.length)]);
      receiver.data(Buffer.from(text));
      receiver.end();
    },
    () => receiver.fail({ kind: 'refuse', code: 'upstream:reset', status: 502, title: 'reset' }),
  );
});

const sizes = [0, 1, 1024, 65_536, 65_537, 4 << 20];
for (const gathered of [true, false]) {
  for (const chunked of [true, false]) {
    const how = `${gathered ? 'gathered for a plugin' : 'streamed'}, ${chunked ? 'in chunks' : 'with its length'}`;
    test(`a body arrives bit by bit as it was sent: ${how}`, async (t) => {
      const server = await serve(t, { upstream: digest, ...(gathered && { hooks: wantsBody }) });
      const client = await RawClient.connect(server.address.port);
      for (const size of sizes) {
        const body = randomBytes(size);
        client.received = '';
        if (chunked) {
          client.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
          for (let at = 0; at < size; at += 30_000) {
            const part = body.subarray(at, at + 30_000);
            client
              .send(`${part.byteLength.toString(16)}\r\n`)
              .send(part)
              .send('\r\n');
          }
          client.send('0\r\n\r\n');
        } else client.send(`${head}Content-Length: ${size}\r\n\r\n`).send(body);
        const wanted = createHash('sha256').update(body).digest('hex');
        await client.until(new RegExp(`\r\n\r\n${size} ${wanted}$`));
      }
      client.close();
    });
  }
}

test('requests sent at once are answered in their order', async (t) => {
  const upstream = new HeldUpstream();
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  client.send(`${get}${get}`);
  await Promise.all([upstream.next(), upstream.next()]);
  for (const [index, text] of [
    [1, 'second'],
    [0, 'first.'],
  ] as const) {
    const { receiver } = upstream.calls[index] ?? assert.fail();
    receiver.head(200, ['content-length', '6']);
    receiver.data(Buffer.from(text));
    receiver.end();
  }
  const received = await client.until(/second$/);
  assert.match(received, /first\.HTTP.*second$/s);
  client.close();
});

test('a client that sends too many requests ahead gets the answers to the first ones, a refusal, and the end', async (t) => {
  const upstream = new HeldUpstream();
  const server = await serve(t, { upstream, limits: { pipelined: 3 } });
  const client = await RawClient.connect(server.address.port);
  client.send(get.repeat(10));
  for (let taken = 0; taken < 3; taken += 1) {
    const { receiver } = await upstream.next();
    receiver.head(200, ['content-length', '0']);
    receiver.end();
  }
  const received = await client.ended();
  assert.deepEqual(
    received.match(/HTTP\/1\.1 [0-9]{3}/g)?.map((line) => line.slice(9)),
    ['200', '200', '200', '429'],
  );
  assert.match(received, /"code":"http:too-many-pipelined"/);
  assert.equal(upstream.calls.length, 3);
});

test('a chunk that is not a Buffer goes out as its bytes', async (t) => {
  const upstream = upstreamOf((receiver) => {
    receiver.head(200, ['content-length', '3']);
    receiver.data(Uint8Array.of(0x61, 0xff, 0x62));
    receiver.end();
  });
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  await client.send(get).until(/\r\n\r\na\xffb$/);
  client.close();
});

test('a chunk is passed on when it comes, not when the answer ends', async (t) => {
  const upstream = new HeldUpstream();
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  const call = upstream.next();
  client.send(get);
  const { receiver } = await call;
  receiver.head(200, ['content-type', 'text/event-stream']);
  receiver.data(Buffer.from('data: 1\n\n'));
  await client.until(/data: 1/);
  receiver.data(Buffer.from('data: 2\n\n'));
  receiver.end();
  await client.until(/data: 2\n\n\r\n0\r\n\r\n$/);
  client.close();
});

test('100 (Continue) is sent when the body is wanted', async (t) => {
  const server = await serve(t, { hooks: wantsBody, upstream: digest });
  const client = await RawClient.connect(server.address.port);
  client.send(`${head}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  await client.send('abc').until(/200 OK[\s\S]*\r\n\r\n3 [0-9a-f]{64}$/);
  client.close();
});

test('a request refused on its head is never told to send its body', async (t) => {
  const server = await serve(t, { hooks: refusesAll });
  const client = await RawClient.connect(server.address.port);
  const received = await client.send(`${head}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`).ended();
  const { status, headers } = firstAnswer(received);
  assert.equal(status, 403);
  assert.match(headers, /connection: close/i);
});

test('a refused sender that is still sending sees the answer and a good end, and is not listened to for ever', async (t) => {
  const clock = new VirtualClock();
  const server = await serve(t, { hooks: refusesAll, clock });
  const client = await RawClient.connect(server.address.port);
  client.send(`${head}Content-Length: 9000000\r\n\r\n`);
  const sending = setInterval(() => client.send(Buffer.alloc(1_000)), 10);
  t.after(() => clearInterval(sending));
  await client.until(/"code":"test:no"[^\n]*\n$/);
  await clock.advance(199);
  assert.equal(client.socket.readableEnded, false);
  assert.equal(client.error, undefined);
  await clock.advance(1);
  await client.ended();
  assert.match(firstAnswer(client.received).headers, /connection: close/i);
});

test('a refused request with a short body keeps its connection', async (t) => {
  const server = await serve(t, { hooks: refusesAll });
  const client = await RawClient.connect(server.address.port);
  client.send(`${head}Content-Length: 10\r\n\r\n`);
  await client.until(/test:no/);
  client.received = '';
  await client.send(`0123456789${get}`).until(/"code":"test:no"[^\n]*\n$/);
  assert.equal(client.received.match(/HTTP\/1\.1 403/g)?.length, 1);
  client.close();
});

test('a sender whose target fails in the middle of the body sees why', async (t) => {
  const upstream = new HeldUpstream();
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  const call = upstream.next();
  client.send(`${head}Content-Length: 10000000\r\n\r\n`).send(Buffer.alloc(100_000));
  const { receiver, call: forwarded } = await call;
  // As undici does with the body of a request that failed.
  (forwarded.body as import('node:stream').Readable).destroy(new Error('the target is gone'));
  receiver.fail({ kind: 'refuse', code: 'upstream:reset', status: 502, title: 'reset' });
  client.send(Buffer.alloc(200_000));
  await client.until(/"code":"upstream:reset"[^\n]*\n$/);
  await client.ended();
  assert.equal(client.error, undefined);
});

test('a client that resets its connection stops the call to the target', async (t) => {
  const upstream = new HeldUpstream();
  const records: FinishedRequest[] = [];
  const server = await serve(t, { upstream, finished: (record) => records.push(record) });
  const client = await RawClient.connect(server.address.port);
  const call = upstream.next();
  client.send(get);
  const held = await call;
  client.socket.resetAndDestroy();
  await waitFor(() => held.aborted);
  assert.match(records[0]?.brokenOff ?? '', /the client closed the connection/);
});

test('a client that goes away in the middle of its body leaves nothing behind', async (t) => {
  const records: FinishedRequest[] = [];
  const server = await serve(t, { hooks: wantsBody, finished: (record) => records.push(record) });
  const client = await RawClient.connect(server.address.port);
  client.send(`${head}Content-Length: 10\r\n\r\n01234`);
  await delay(50);
  client.close();
  await waitFor(() => records.length === 1);
  assert.equal(records[0]?.status, 400);
  assert.equal(await server.close(0), 0, 'no connection was left to cut off');
  assert.equal(records.length, 1);
});

test('an answer that breaks off is not ended: chunks without the last one', async (t) => {
  const upstream = upstreamOf((receiver) => {
    receiver.head(200, []);
    receiver.data(Buffer.from('half'));
    setTimeout(
      () => receiver.fail({ kind: 'refuse', code: 'upstream:reset', status: 502, title: 'reset' }),
      20,
    );
  });
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  const received = await client.send(get).ended();
  assert.match(received, /\r\n4\r\nhalf\r\n$/);
});

test('an answer that breaks off is a reset for HTTP/1.0, whose answers end with the connection', async (t) => {
  const upstream = upstreamOf((receiver) => {
    receiver.head(200, []);
    receiver.data(Buffer.from('half'));
    setTimeout(
      () => receiver.fail({ kind: 'refuse', code: 'upstream:reset', status: 502, title: 'reset' }),
      20,
    );
  });
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  await client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').ended();
  assert.equal(client.error, 'ECONNRESET');
});

test('a slow reader makes the target wait, and go on when it has read', async (t) => {
  const upstream = new HeldUpstream();
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  const call = upstream.next();
  client.send(get);
  const held = await call;
  client.socket.pause();
  held.receiver.head(200, []);
  const chunk = Buffer.alloc(64 * 1024);
  let sent = 0;
  while (held.receiver.data(chunk)) sent += 1;
  assert.ok(sent < 1_000, 'the server took everything');
  assert.equal(held.resumed, 0);
  client.socket.resume();
  await waitFor(() => held.resumed > 0);
  held.receiver.end();
  await client.until(/0\r\n\r\n$/);
  client.close();
});

test('a reader that takes nothing any more is given up', async (t) => {
  const upstream = new HeldUpstream();
  const clock = new VirtualClock();
  const server = await serve(t, { upstream, clock });
  const client = await RawClient.connect(server.address.port);
  const call = upstream.next();
  client.send(get);
  const held = await call;
  client.socket.pause();
  held.receiver.head(200, []);
  const chunk = Buffer.alloc(1 << 20);
  // Until the system's own buffers are full, too.
  for (let sent = 0; sent < 64 && !held.aborted; sent += 1) {
    const { resumed } = held;
    if (!held.receiver.data(chunk)) await clock.run(waitFor(() => held.resumed > resumed || held.aborted));
  }
  assert.ok(held.aborted, 'the server took everything');
  client.close();
});

test('headers that never end are a 408', async (t) => {
  const server = await serve(t, { limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
  const client = await RawClient.connect(server.address.port);
  const answer = firstAnswer(await client.send('GET / HTTP/1.1\r\nHost: a\r\n').ended());
  assert.equal(answer.status, 408);
  assert.equal(answer.code, 'http:timeout');
});

test('a connection that says nothing is closed', async (t) => {
  const server = await serve(t, { limits: { headersTimeoutMs: 200 } });
  const client = await RawClient.connect(server.address.port);
  assert.equal(firstAnswer(await client.ended()).status, 408);
});

test('a body that never ends is a 408', async (t) => {
  const server = await serve(t, {
    hooks: wantsBody,
    limits: { headersTimeoutMs: 200, requestTimeoutMs: 300 },
  });
  const client = await RawClient.connect(server.address.port);
  const answer = firstAnswer(await client.send(`${head}Content-Length: 10\r\n\r\n01234`).ended());
  assert.equal(answer.status, 408);
  assert.equal(answer.code, 'http:timeout');
});

test('interim answers reach HTTP/1.1 and not HTTP/1.0', async (t) => {
  const upstream = upstreamOf((receiver) => {
    receiver.informational(103, ['link', '</a.css>; rel=preload']);
    receiver.head(200, ['content-length', '0']);
    receiver.end();
  });
  const server = await serve(t, { upstream });
  const modern = await RawClient.connect(server.address.port);
  await modern
    .send(get)
    .until(/^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\n[\s\S]*\r\n\r\nHTTP\/1\.1 200/);
  modern.close();
  const old = await RawClient.connect(server.address.port);
  const received = await old.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').ended();
  assert.equal(firstAnswer(received).status, 200);
});

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}

test('TRACE is answered with 405 and what the route takes, and no target hears of it', async (t) => {
  const upstream = new HeldUpstream();
  const server = await serve(t, { upstream });
  const client = await RawClient.connect(server.address.port);
  client.send('TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret=1\r\n\r\n');
  const received = await client.until(/\r\n\r\n.*\}\n$/s);
  assert.match(received, /^HTTP\/1\.1 405 .*\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n/s);
  assert.equal(upstream.calls.length, 0);
  client.close();
});
