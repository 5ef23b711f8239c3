import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { Balancer } from '../../../gateway/upstream/balancer.ts';
import { createUpstream, type UpstreamOptions } from '../../../gateway/upstream/client.ts';
import type { Endpoint } from '../../../gateway/upstream/endpoint.ts';
import type { Outcome } from '../../../gateway/upstream/outcome.ts';
import { upstreamRefusals } from '../../../gateway/upstream/refusals.ts';
import { RoundRobin } from '../../../gateway/upstream/round-robin.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import type { Upstream } from '../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../support/transport.ts';
import { begin, send } from './fixtures/call.ts';
import { startProxy } from './fixtures/proxy.ts';
import { closedPort, says, start, startTarget, until } from './fixtures/server.ts';

/** Turns by weight, and a record of what was picked and what was told of it. */
class RecordingBalancer implements Balancer {
  readonly picked: Endpoint[] = [];
  readonly told: (readonly [Endpoint, Outcome])[] = [];
  readonly #turns: RoundRobin;

  constructor(endpoints: readonly Endpoint[]) {
    this.#turns = new RoundRobin(endpoints);
  }

  pick(tried: readonly Endpoint[]): Endpoint {
    const endpoint = this.#turns.pick(tried);
    this.picked.push(endpoint);
    return endpoint;
  }

  done(endpoint: Endpoint, outcome: Outcome): void {
    this.told.push([endpoint, { ...outcome }]);
  }
}

function recorded(
  t: TestContext,
  urls: readonly string[],
  limits: Partial<UpstreamOptions> & { readonly via?: string } = {},
): { readonly upstream: Upstream; readonly balancer: RecordingBalancer } {
  let balancer: RecordingBalancer | undefined;
  const { via = 'direct', ...options } = limits;
  const upstream = createUpstream({
    targets: urls.map((url) => parseTarget(url)),
    transport: createTransport(via, { clock: systemClock, tailnet: readTailnetPorts({}) }),
    timeoutMs: 10_000,
    balance: (endpoints) => {
      balancer = new RecordingBalancer(endpoints);
      return balancer;
    },
    ...options,
  });
  t.after(async () => {
    await upstream.close();
    assert.equal(balancer?.told.length, balancer?.picked.length, 'each attempt is told, and none twice');
  });
  return { upstream, balancer: balancer as unknown as RecordingBalancer };
}

const at = (port: number) => `http://127.0.0.1:${port}`;

/** What was told, without the times, which are the machine's. */
function told({ told: all }: RecordingBalancer): readonly object[] {
  return all.map(([endpoint, { ms, ...outcome }]) => {
    assert.ok(ms >= 0 && outcome.target === endpoint.target.origin);
    return outcome;
  });
}

const answered = (port: number, status = 200) => ({
  target: at(port),
  status,
  code: undefined,
  connectFailed: false,
});
const givenUp = (target: string) => ({
  target,
  status: undefined,
  code: undefined,
  connectFailed: false,
});

test('an answer is reported with its status, and the call has the same record', async (t) => {
  const target = await startTarget(t, (_request, response) => void response.writeHead(404).end('gone'));
  const { upstream, balancer } = recorded(t, [at(target.port)]);
  const under = begin(upstream);
  await under.done;
  assert.deepEqual(told(balancer), [answered(target.port, 404)]);
  assert.deepEqual(under.attempts, [balancer.told[0]?.[1]]);
});

test('a refused connection is reported for its endpoint, and the answer for the endpoint that sent it', async (t) => {
  const closed = await closedPort(t);
  const open = await startTarget(t, says('hello'));
  const { upstream, balancer } = recorded(t, [at(closed), at(open.port)]);
  const under = begin(upstream, { method: 'POST', body: Buffer.from('event') });
  assert.equal((await under.done).body, 'hello');
  const refused = {
    target: at(closed),
    status: undefined,
    code: 'upstream:connection-refused',
    connectFailed: true,
  };
  assert.deepEqual(told(balancer), [refused, answered(open.port)]);
  assert.deepEqual(
    under.attempts.map(({ target, code }) => [target, code]),
    [
      [at(closed), 'upstream:connection-refused'],
      [at(open.port), undefined],
    ],
  );
});

test('a stream that was destroyed before a connection stood is not sent to another endpoint', async (t) => {
  const closed = await closedPort(t);
  const open = await startTarget(t, says('hello'));
  const { upstream, balancer } = recorded(t, [at(closed), at(open.port)]);
  const body = new PassThrough();
  const under = begin(upstream, { method: 'POST', body });
  body.destroy();
  assert.notEqual((await under.done).failed, undefined);
  assert.equal(open.connections(), 0);
  assert.equal(balancer.picked.length, 1);
});

test('a connection that breaks is reported with its code, before the head and after it', async (t) => {
  const server = await start(
    t,
    createServer((socket) => socket.once('data', () => socket.destroy())),
  );
  const half = await startTarget(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  });
  const { upstream, balancer } = recorded(t, [at(server.port), at(half.port)]);
  await send(upstream);
  await send(upstream);
  assert.deepEqual(told(balancer), [
    { ...givenUp(at(server.port)), code: 'upstream:reset' },
    { ...answered(half.port), code: 'upstream:reset' },
  ]);
});

test('a cancelled call is reported at once if it has a connection, with a code if it failed', async (t) => {
  const target = await startTarget(t, (request, response) => {
    if (request.url === '/half') response.write('half');
  });
  const { upstream, balancer } = recorded(t, [at(target.port)]);
  let bytes = 0;
  const onData = (chunk: Uint8Array) => {
    bytes += chunk.length;
    return true;
  };
  const half = begin(upstream, { path: '/half', onData });
  await until(() => bytes === 4);
  half.call.abort();
  assert.deepEqual(told(balancer), [answered(target.port)]);

  const requests = () => new Promise<void>((resolve) => void target.server.once('request', () => resolve()));
  for (const why of [undefined, upstreamRefusals.timeout('no answer')]) {
    const arrived = requests();
    const silent = begin(upstream);
    await arrived;
    silent.call.abort(why);
    silent.call.abort();
    assert.deepEqual(told(balancer).at(-1), { ...givenUp(at(target.port)), code: why?.code });
  }
});

test('a call that is cancelled while it connects is reported when the connection is made or fails', async (t) => {
  const target = await startTarget(t, says('hello'));
  const closed = await closedPort(t);
  let openGate = () => {};
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  const proxy = await startProxy(t, async (host) => {
    await gate;
    return { host: '127.0.0.1', port: host === 'builder.test' ? target.port : closed };
  });
  const via = `socks5://127.0.0.1:${proxy.port}`;
  const { upstream, balancer } = recorded(t, ['http://builder.test', 'http://closed.test'], { via });
  const calls = [begin(upstream), begin(upstream)];
  await until(() => proxy.asked.length === 2);
  for (const { call } of calls) call.abort();
  assert.deepEqual(told(balancer), []);
  openGate();
  await until(() => balancer.told.length === 2);
  const byTarget = (told(balancer) as Outcome[]).toSorted((a, b) => (a.target < b.target ? -1 : 1));
  assert.deepEqual(byTarget, [
    givenUp('http://builder.test'),
    { ...givenUp('http://closed.test'), connectFailed: true },
  ]);
});

test('a call that is cancelled in the queue is reported once, when its turn comes', async (t) => {
  let answer = () => {};
  const target = await startTarget(t, (_request, response) => {
    answer = () => response.end('hello');
  });
  const { upstream, balancer } = recorded(t, [at(target.port)], { connections: 1 });
  const first = begin(upstream);
  const waiting = begin(upstream);
  await until(() => target.connections() === 1);
  waiting.call.abort();
  assert.deepEqual(told(balancer), []);
  await new Promise((resolve) => setTimeout(resolve, 20));
  answer();
  await first.done;
  await until(() => balancer.told.length === 2);
  assert.deepEqual(told(balancer), [answered(target.port), givenUp(at(target.port))]);
});

test('closing tells of every attempt under way and in the queue', async (t) => {
  const target = await startTarget(t, () => {});
  const { upstream, balancer } = recorded(t, [at(target.port)], { connections: 1 });
  const calls = [begin(upstream), begin(upstream), begin(upstream)];
  await until(() => target.connections() === 1);
  await upstream.close();
  for (const { done } of calls) assert.equal((await done).failed?.code, 'gateway:stopping');
  const stopped = { ...givenUp(at(target.port)), code: 'gateway:stopping' };
  assert.deepEqual(told(balancer), [stopped, stopped, stopped]);
});

test('a call that never reaches an endpoint makes no attempt', async (t) => {
  const { upstream, balancer } = recorded(t, [at(1)], { connections: 1, pending: -1 });
  const under = begin(upstream, { body: Readable.from([]) });
  assert.equal((await under.done).failed?.code, 'upstream:overloaded');
  assert.deepEqual([under.attempts, balancer.picked], [[], []]);
});
