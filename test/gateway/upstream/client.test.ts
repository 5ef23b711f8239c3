import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import type { Clock } from '../../../base/clock.ts';
import { createUpstream, type UpstreamOptions } from '../../../gateway/upstream/client.ts';
import type { Readiness } from '../../../gateway/upstream/readiness.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import type { Transport } from '../../../gateway/upstream/transport.ts';
import type { Upstream } from '../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../support/transport.ts';
import { begin, send } from './fixtures/call.ts';
import { MovableClock } from './fixtures/clock.ts';
import { startProxy } from './fixtures/proxy.ts';
import { closedPort, says, start, startTarget, until } from './fixtures/server.ts';

function upstreamTo(
  t: TestContext,
  urls: readonly (string | readonly [url: string, weight: number])[],
  options: {
    readonly transport?: string;
    readonly ready?: Transport['ready'];
    readonly limits?: Partial<UpstreamOptions>;
    readonly clock?: Clock;
  } = {},
): Upstream {
  const { clock = new MovableClock() } = options;
  const made = createTransport(options.transport ?? 'direct', {
    clock,
    tailnet: readTailnetPorts({}),
  });
  const transport: Transport = {
    connect: (destination, withinMs) => made.connect(destination, withinMs),
    ready: options.ready ?? ((withinMs) => made.ready(withinMs)),
    close: () => made.close(),
  };
  const targets = urls.map((url) => (typeof url === 'string' ? parseTarget(url) : parseTarget(...url)));
  const upstream = createUpstream({ targets, transport, timeoutMs: 10_000, clock, ...options.limits });
  t.after(() => upstream.close());
  return upstream;
}

const at = (port: number) => `http://127.0.0.1:${port}`;
const post = { method: 'POST', body: Buffer.from('event') };

test('requests one after another share one connection', async (t) => {
  const target = await startTarget(t, says('hello'));
  const upstream = upstreamTo(t, [at(target.port)]);
  for (let request = 0; request < 20; request += 1) {
    assert.equal((await send(upstream, post)).body, 'hello');
  }
  assert.equal(target.connections(), 1);
});

test('targets get requests by their weights', async (t) => {
  const heavy = await startTarget(t, says('heavy'));
  const light = await startTarget(t, says('light'));
  const upstream = upstreamTo(t, [
    [at(heavy.port), 3],
    [at(light.port), 1],
  ]);
  const bodies: string[] = [];
  for (let request = 0; request < 8; request += 1) bodies.push((await send(upstream)).body);
  assert.deepEqual(bodies.join(' '), Array(2).fill('heavy heavy light heavy').join(' '));
});

test('where a connection is refused, another target gets the request, whatever its method and body', async (t) => {
  const closed = await closedPort(t);
  const bodies: string[] = [];
  const open = await startTarget(t, async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()).toString());
    response.end('hello');
  });
  // With weights 9 and 1 the turn after the refused one is the same target's again.
  const upstream = upstreamTo(t, [
    [at(closed), 9],
    [at(open.port), 1],
  ]);
  for (const body of [null, Buffer.from('event'), Readable.from([Buffer.from('str'), Buffer.from('eam')])]) {
    const outcome = await send(upstream, { method: 'POST', body });
    assert.equal(outcome.body, 'hello', JSON.stringify(outcome.failed));
  }
  assert.deepEqual(bodies, ['', 'event', 'stream']);
});

test('when no target takes the connection, the reason is that of the last', async (t) => {
  const ports = [await closedPort(t), await closedPort(t), await closedPort(t)];
  const { failed } = await send(upstreamTo(t, ports.map(at)), post);
  assert.equal(failed?.code, 'upstream:connection-refused');
});

for (const [what, options] of [
  ['a POST', post],
  ['a GET', {}],
] as const) {
  test(`${what} whose bytes were sent is never sent again, though another target would take it`, async (t) => {
    let seen = 0;
    const server = createServer((socket) => {
      socket.on('data', () => {
        seen += 1;
        socket.destroy();
      });
    });
    const broken = await start(t, server);
    const fine = await startTarget(t, () => {
      seen += 1;
    });
    const { failed } = await send(upstreamTo(t, [at(broken.port), at(fine.port)]), options);
    assert.equal(failed?.code, 'upstream:reset');
    assert.equal(seen, 1);
  });
}

test('a connection that the target closed while it lay idle is not used', async (t) => {
  const target = await startTarget(t, says('hello'));
  const upstream = upstreamTo(t, [at(target.port)]);
  await send(upstream, post);
  target.hangUp();
  assert.equal((await send(upstream, post)).body, 'hello');
  assert.equal(target.connections(), 2);
});

test('a call that is aborted in the middle of its answer closes its connection', async (t) => {
  const target = await startTarget(t, (_request, response) => {
    response.writeHead(200);
    response.write('half');
  });
  let received = 0;
  const under = begin(upstreamTo(t, [at(target.port)]), {
    onData: (chunk) => {
      received += chunk.length;
      return true;
    },
  });
  await until(() => received === 4);
  under.call.abort();
  await until(() => target.open() === 0);
});

test('a call that is aborted while its body is sent closes its connection', async (t) => {
  const target = await startTarget(t, (request) => void request.resume());
  const body = new PassThrough();
  const under = begin(upstreamTo(t, [at(target.port)]), { method: 'POST', body });
  body.write('the beginning');
  await until(() => target.open() === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  under.call.abort();
  await until(() => target.open() === 0);
});

test('a call that is aborted while its connection is made sends nothing', async (t) => {
  let requests = 0;
  const target = await startTarget(t, () => {
    requests += 1;
  });
  let openGate = () => {};
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  const proxy = await startProxy(t, () => gate.then(() => ({ host: '127.0.0.1', port: target.port })));
  const upstream = upstreamTo(t, ['http://builder.test'], { transport: `socks5://127.0.0.1:${proxy.port}` });
  const under = begin(upstream, post);
  await until(() => proxy.asked.length === 1);
  under.call.abort();
  openGate();
  await until(() => target.connections() === 1 && target.open() === 0);
  assert.equal(requests, 0);
});

test('a call that is aborted while the transport gets ready makes no connection', async (t) => {
  const target = await startTarget(t, says('hello'));
  let becomeReady = (_: Readiness) => {};
  const ready = () =>
    new Promise<Readiness>((resolve) => {
      becomeReady = resolve;
    });
  const under = begin(upstreamTo(t, [at(target.port)], { ready }));
  under.call.abort();
  becomeReady({ ready: true, epoch: 0 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(target.connections(), 0);
});

test('a transport that is not ready is a 503 with its cause in the detail', async (t) => {
  for (const asked of ['at once', 'later'] as const) {
    const answer: Readiness = { ready: false, code: 'tunnel:key-expired', detail: 'Store a new key.' };
    const ready = () => (asked === 'later' ? Promise.resolve(answer) : answer);
    const { failed } = await send(upstreamTo(t, [at(1)], { ready }));
    assert.equal(failed?.code, 'upstream:tunnel-not-ready');
    assert.equal(failed?.status, 503);
    assert.equal(failed?.detail, 'tunnel:key-expired: Store a new key.');
  }
});

test('a tunnel that stands while its own targets are silent still carries requests to others', async (t) => {
  const target = await startTarget(t, (_, response) => response.end('hello'));
  const answer: Readiness = { ready: false, code: 'tunnel:target-unreachable', detail: 'It is down.' };
  const { failed, status } = await send(upstreamTo(t, [at(target.port)], { ready: () => answer }));
  assert.deepEqual([failed, status], [undefined, 200]);
});

test('such a tunnel too puts kept connections aside when the epoch rises', async (t) => {
  const target = await startTarget(t, says('hello'));
  let epoch = 0;
  const ready = (): Readiness => ({
    ready: false,
    code: 'tunnel:target-unreachable',
    detail: 'Down.',
    epoch,
  });
  const upstream = upstreamTo(t, [at(target.port)], { ready });
  await send(upstream);
  await send(upstream);
  assert.equal(target.connections(), 1);
  epoch = 1;
  await send(upstream);
  assert.equal(target.connections(), 2);
});

test('when the epoch rises, requests under way end on their connection and new ones get a new one', async (t) => {
  let finish = () => {};
  const target = await startTarget(t, (request, response) => {
    if (request.url !== '/slow') return void response.end('quick');
    response.write('begun, ');
    finish = () => response.end('ended');
  });
  let epoch = 0;
  const upstream = upstreamTo(t, [at(target.port)], { ready: () => ({ ready: true, epoch }) });
  await send(upstream);
  const slow = begin(upstream, { path: '/slow' });
  await until(() => target.connections() === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  epoch = 1;
  assert.equal((await send(upstream)).body, 'quick');
  assert.equal(target.connections(), 2);
  assert.equal(target.open(), 2);
  finish();
  assert.equal((await slow.done).body, 'begun, ended');
  await until(() => target.open() === 1);
  await send(upstream);
  assert.equal(target.connections(), 2);
});

test('an answer of the transport that was long on its way does not bring an older epoch back', async (t) => {
  const target = await startTarget(t, says('hello'));
  const answers: (Readiness | Promise<Readiness>)[] = [];
  let late = (_: Readiness) => {};
  answers.push(
    new Promise<Readiness>((resolve) => {
      late = resolve;
    }),
    { ready: true, epoch: 2 },
    { ready: true, epoch: 2 },
  );
  const upstream = upstreamTo(t, [at(target.port)], { ready: () => answers.shift() as Readiness });
  const first = send(upstream);
  await send(upstream);
  late({ ready: true, epoch: 1 });
  await first;
  await send(upstream);
  assert.equal(target.connections(), 1);
});

test('an answer streams, and the target is not read faster than the client reads', async (t) => {
  const size = 24 * 1024 * 1024;
  let written = 0;
  const target = await startTarget(t, (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const more = () => {
      while (written < size) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  let flowing = false;
  const under = begin(upstreamTo(t, [at(target.port)]), { onData: () => flowing });
  await until(() => written > 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(written < size / 2, `${written} bytes were written to a client that read one chunk`);
  flowing = true;
  under.call.resume();
  assert.equal((await under.done).bytes, size);
});

test('interim answers are passed on, and bytes that are not HTTP are a bad answer', async (t) => {
  const raw = (text: string) =>
    start(
      t,
      createServer((socket) => socket.once('data', () => socket.write(text))),
    );
  const hints = await raw(
    'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
  );
  assert.equal((await send(upstreamTo(t, [at(hints.port)]))).body, 'ok');
  for (const text of [
    'SSH-2.0-OpenSSH_9.6\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  ]) {
    const { port } = await raw(text);
    assert.equal(
      (await send(upstreamTo(t, [at(port)]))).failed?.code,
      'upstream:bad-answer',
      text.slice(0, 20),
    );
  }
});

test('a client that breaks off its body is not the fault of the target', async (t) => {
  const target = await startTarget(t, (request) => void request.resume());
  const body = new PassThrough();
  const under = begin(upstreamTo(t, [at(target.port)]), { method: 'POST', body });
  body.write('the beginning');
  await until(() => target.open() === 1);
  body.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
  assert.equal((await under.done).failed?.code, 'gateway:body-aborted');
  await until(() => target.open() === 0);
});

test('closing ends the calls under way, on old connections too, and says that the gateway stops', async (t) => {
  const target = await startTarget(t, (_request, response) => void response.write('half'));
  let epoch = 0;
  const upstream = upstreamTo(t, [at(target.port)], { ready: () => ({ ready: true, epoch }) });
  const calls = [begin(upstream)];
  await until(() => target.open() === 1);
  epoch = 1;
  calls.push(begin(upstream));
  await until(() => target.open() === 2);
  await upstream.close();
  for (const { done } of calls) assert.equal((await done).failed?.code, 'gateway:stopping');
  await until(() => target.open() === 0);
});

test('beyond its connections and those that may wait a service refuses requests, also when those that wait are aborted', async (t) => {
  let answer = () => {};
  const target = await startTarget(t, (_request, response) => {
    const before = answer;
    answer = () => {
      before();
      response.end('hello');
    };
  });
  const upstream = upstreamTo(t, [at(target.port)], { limits: { connections: 1, pending: 2 } });
  const first = begin(upstream);
  await until(() => target.connections() === 1);
  const waiting = [begin(upstream), begin(upstream)];
  const refused = await send(upstream);
  assert.deepEqual([refused.failed?.status, refused.failed?.code], [503, 'upstream:overloaded']);
  assert.deepEqual(refused.failed?.headers, ['retry-after', '1']);
  for (const { call } of waiting) call.abort();
  assert.equal((await send(upstream)).failed?.code, 'upstream:overloaded', 'they still take their places');
  answer();
  assert.equal((await first.done).body, 'hello');
  answer = () => {};
  const next = begin(upstream);
  await until(() => target.connections() >= 1);
  const end = setInterval(() => answer(), 5);
  assert.equal((await next.done).body, 'hello');
  clearInterval(end);
});

test('an answer that is silent for longer than idleTimeout breaks off', async (t) => {
  const target = await startTarget(t, (_request, response) => void response.write('half'));
  const upstream = upstreamTo(t, [at(target.port)], { limits: { idleTimeoutMs: 1_000 } });
  const { failed, body } = await send(upstream);
  assert.deepEqual([failed?.code, body], ['upstream:timeout', 'half']);
  await until(() => target.open() === 0);
});
