import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { LogFields } from '../../base/log.ts';
import { loadGateway, Upstreams } from '../../gateway/index.ts';
import { Generations } from '../../server/generations.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, instance, noLog } from '../support/gateway.ts';
import { testPorts } from '../support/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A gateway whose answers name it, in front of an upstream that the test answers for. */
function named(name: string, clock: VirtualClock) {
  const upstream = new HeldUpstream();
  let closed = false;
  upstream.close = async () => {
    closed = true;
  };
  const mark = instance('mark', 1, { answer: (_exchange, { headers }) => void headers.push('x-by', name) });
  return { upstream, gateway: gatewayWith({ upstream, instances: [mark], clock }), isClosed: () => closed };
}

async function open(t: TestContext) {
  const clock = new VirtualClock();
  const lines: [event: string, fields: LogFields | undefined][] = [];
  const info = (event: string, fields?: LogFields) => void lines.push([event, fields]);
  const first = named('first', clock);
  const generations = new Generations(first.gateway, { ...noLog, info });
  const server = await startServer(generations, { host: '127.0.0.1', port: 0, clock });
  t.after(() => clock.run(server.close(0)));
  const client = () => RawClient.connect(server.address.port);
  return { clock, lines, first, second: named('second', clock), generations, client };
}

test('a request that began before a swap is finished by the old gateway, and the next one on its connection goes to the new one', async (t) => {
  const { first, second, generations, client } = await open(t);
  const one = await client();
  one.send(request);
  const held = await first.upstream.next();
  assert.equal(generations.swap(second.gateway, 5_000), 2);
  assert.equal(first.isClosed(), false);
  held.receiver.head(200, ['content-length', '3']);
  held.receiver.data(Buffer.from('one'));
  held.receiver.end();
  assert.match(await one.until(/one$/), /x-by: first/);
  one.send(request);
  const next = await second.upstream.next();
  next.receiver.head(200, ['content-length', '3']);
  next.receiver.data(Buffer.from('two'));
  next.receiver.end();
  assert.match(await one.until(/two$/), /x-by: second/);
  one.close();
});

test('an old gateway is closed when its last request is over, whatever time is left', async (t) => {
  const { clock, lines, first, second, generations, client } = await open(t);
  const [one, other] = [await client(), await client()];
  one.send(request);
  other.send(request);
  const helds = [await first.upstream.next(), await first.upstream.next()];
  generations.swap(second.gateway, 5_000);
  for (const held of helds) {
    await clock.advance(0);
    assert.equal(first.isClosed(), false);
    held.receiver.head(204, []);
    held.receiver.end();
  }
  await Promise.all([one.until(/204/), other.until(/204/)]);
  await clock.advance(0);
  assert.equal(first.isClosed(), true);
  assert.deepEqual(lines, [['drained', { generation: 1, requestsCutOff: 0, requestsMoved: 0 }]]);
  one.close();
  other.close();
});

test('what an old gateway has under way after the time is refused, or broken off if its answer has begun', async (t) => {
  const { clock, lines, first, second, generations, client } = await open(t);
  const [waiting, streaming] = [await client(), await client()];
  waiting.send(request);
  const unanswered = await first.upstream.next();
  streaming.send(request);
  const begun = await first.upstream.next();
  begun.receiver.head(200, ['content-length', '10']);
  begun.receiver.data(Buffer.from('begun'));
  await streaming.until(/begun$/);
  generations.swap(second.gateway, 5_000);
  await clock.advance(4_999);
  assert.deepEqual([unanswered.aborted, begun.aborted, first.isClosed()], [false, false, false]);
  await clock.advance(1);
  assert.deepEqual([unanswered.aborted, begun.aborted, first.isClosed()], [true, true, true]);
  assert.match(await waiting.until(/}/), /^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n[\s\S]*gateway:stopping/);
  assert.match(await streaming.ended(), /begun$/);
  assert.deepEqual(lines, [['drained', { generation: 1, requestsCutOff: 2, requestsMoved: 0 }]]);
  waiting.close();
});

test('a request whose plugin has not decided yet is refused after the time, and what the plugin says later changes nothing', async (t) => {
  const { clock, second } = await open(t);
  let decide: ((verdict: { kind: 'next' }) => void) | undefined;
  const slow = instance('slow', 1, {
    access: () =>
      new Promise((resolve) => {
        decide = resolve;
      }),
  });
  const upstream = new HeldUpstream();
  const generations = new Generations(gatewayWith({ upstream, instances: [slow], clock }), noLog);
  const server = await startServer(generations, { host: '127.0.0.1', port: 0, clock });
  t.after(() => clock.run(server.close(0)));
  const client = await RawClient.connect(server.address.port);
  client.send(request);
  while (decide === undefined) await clock.advance(0);
  generations.swap(second.gateway, 1_000);
  await clock.advance(1_000);
  await client.until(/gateway:stopping/);
  decide({ kind: 'next' });
  await clock.advance(0);
  assert.equal(upstream.calls.length, 0);
  client.close();
});

test('a gateway replaced three times in a row leaves three that end by themselves', async (t) => {
  const { clock, lines, first, second, generations, client } = await open(t);
  const one = await client();
  one.send(request);
  await first.upstream.next();
  const third = named('third', clock);
  generations.swap(second.gateway, 1_000);
  generations.swap(third.gateway, 1_000);
  const fourth = named('fourth', clock);
  assert.equal(generations.swap(fourth.gateway, 1_000), 4);
  await clock.advance(1_000);
  assert.deepEqual(
    [first, second, third, fourth].map((gateway) => gateway.isClosed()),
    [true, true, true, false],
  );
  assert.deepEqual(
    lines.map(([, fields]) => [fields?.generation, fields?.requestsCutOff]),
    [
      [2, 0],
      [3, 0],
      [1, 1],
    ],
  );
  one.close();
});

test('no request of a steady stream is refused or cut off while the gateway is replaced fifty times', async (t) => {
  const target = createServer((_request, response) => response.end('ok'));
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const { port } = target.address() as AddressInfo;
  const upstreams = new Upstreams();
  const load = async (timeout: string) => {
    const text = `services: { a: { targets: [{ url: "http://127.0.0.1:${port}" }], transport: direct, timeout: ${timeout} } }
routes: { a: { match: { path: /* }, service: a, open: true } }`;
    const ports = testPorts({ clock: systemClock, upstreams });
    return (await loadGateway({ file: 'postern.yaml', text }, ports)).gateway;
  };
  const generations = new Generations(await load('10s'), noLog);
  const server = await startServer(generations, { host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.after(async () => {
    agent.destroy();
    await server.close(0);
    await generations.close();
    target.closeAllConnections();
    target.close();
  });
  const statuses = new Map<number | undefined, number>();
  let swapping = true;
  async function ask(): Promise<void> {
    while (swapping) {
      const sent = get({ host: '127.0.0.1', port: server.address.port, agent });
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      let body = '';
      for await (const chunk of answer) body += chunk;
      assert.equal(body, 'ok');
      statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
    }
  }
  const clients = Promise.all([ask(), ask(), ask(), ask()]);
  for (let swaps = 1; swaps <= 50; swaps += 1) {
    const seen = statuses.get(200) ?? 0;
    // Every other one changes the service, so that its connections are closed with its last request.
    generations.swap(await load(swaps % 4 < 2 ? '10s' : '11s'), 60_000);
    while ((statuses.get(200) ?? 0) < seen + 4) await new Promise((resolve) => setImmediate(resolve));
  }
  swapping = false;
  await clients;
  assert.deepEqual([...statuses.keys()], [200]);
});
