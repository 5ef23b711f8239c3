import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { LogFields } from '../../base/log.ts';
import type { Verdict } from '../../gateway/answer/verdict.ts';
import { type FinishedRequest, loadGateway, Upstreams } from '../../gateway/index.ts';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import { Generations } from '../../server/generations.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, instance, noLog } from '../support/gateway.ts';
import { testPorts } from '../support/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

const drainTimeoutMs = 1_000;

/** A stream that is under way through a gateway, and what a test does to the gateway. */
async function open(t: TestContext, timeoutMs = 10_000) {
  const clock = new VirtualClock();
  const upstream = Object.assign(new HeldUpstream(), { timeoutMs });
  const finished: FinishedRequest[] = [];
  const drained: (LogFields | undefined)[] = [];
  const info = (_event: string, fields?: LogFields) => void drained.push(fields);
  const gateway = (hooks: Hooks, over = upstream) =>
    gatewayWith({
      upstream: over,
      instances: [instance('policy', 1, hooks)],
      clock,
      finished: (record) => finished.push(record),
    });
  const admit: Hooks = { access: () => ({ kind: 'next' }) };
  const generations = new Generations(gateway(admit), { ...noLog, info });
  const server = await startServer(generations, { host: '127.0.0.1', port: 0, clock });
  t.after(() => clock.run(server.close(0)));
  const client = await RawClient.connect(server.address.port);
  client.send('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
  const stream = await upstream.next();
  stream.receiver.head(200, ['content-type', 'text/event-stream']);
  stream.receiver.data(Buffer.from('data: 1\n\n'));
  await client.until(/data: 1/);
  async function swap(hooks: Hooks, over?: HeldUpstream): Promise<void> {
    generations.swap(gateway(hooks, over), drainTimeoutMs);
    await clock.advance(drainTimeoutMs);
  }
  return { clock, client, stream, swap, admit, finished, drained, generations, gateway };
}

const refusing: Hooks = {
  access: () => ({ kind: 'refuse', code: 'policy:no', status: 403, title: 'No', detail: 'not any more' }),
};

test('a long stream that the new configuration admits goes on, over further reloads too', async (t) => {
  const { client, stream, swap, admit, finished, drained } = await open(t);
  await swap(admit);
  await swap(admit);
  stream.receiver.data(Buffer.from('data: 2\n\n'));
  await client.until(/data: 2/);
  stream.receiver.end();
  await client.until(/\r\n0\r\n/);
  const [record] = finished;
  assert.deepEqual(drained, [
    { generation: 1, requestsCutOff: 0, requestsMoved: 1 },
    { generation: 2, requestsCutOff: 0, requestsMoved: 1 },
  ]);
  assert.deepEqual([finished.length, record?.status, record?.brokenOff], [1, 200, undefined]);
  assert.deepEqual([record?.sentBytes, record?.exchange?.status], [18, 200]);
  client.close();
});

test('a long stream that the new configuration refuses is broken off after the time, and the log says why', async (t) => {
  const { client, stream, swap, finished, drained } = await open(t);
  await swap(refusing);
  assert.doesNotMatch(await client.ended(), /\r\n0\r\n/);
  assert.equal(stream.aborted, true);
  assert.deepEqual(
    finished.map(({ status, brokenOff }) => [status, brokenOff]),
    [[200, 'policy:no: not any more']],
  );
  assert.equal(drained[0]?.requestsMoved, 0);
});

test('until the time is over nothing is decided again', async (t) => {
  const { clock, client, stream, finished, generations, gateway } = await open(t);
  generations.swap(gateway(refusing), drainTimeoutMs);
  await clock.advance(drainTimeoutMs - 1);
  assert.deepEqual([stream.aborted, finished.length], [false, 0]);
  stream.receiver.end();
  assert.match(await client.until(/\r\n0\r\n/), /data: 1/);
  client.close();
});

test('a long stream of a service that changed is broken off', async (t) => {
  const { client, stream, swap, admit, finished } = await open(t);
  await swap(admit, new HeldUpstream());
  await client.ended();
  assert.equal(stream.aborted, true);
  assert.match(finished[0]?.brokenOff ?? '', /^gateway:stopping: it was still under way 1000 ms after/);
});

test('a plugin that decides late still ends a stream', async (t) => {
  const { client, swap, finished, drained } = await open(t);
  const decided = refusing.access?.({} as never, new Uint8Array());
  await swap({ access: async () => decided as Verdict });
  await client.ended();
  assert.deepEqual([drained[0]?.requestsMoved, finished[0]?.brokenOff], [1, 'policy:no: not any more']);
});

test('a stream on which no plugin decides again in the time of its service is broken off', async (t) => {
  const { client, swap, finished } = await open(t, 20);
  await swap({ access: () => new Promise(() => {}) });
  await client.ended();
  assert.match(finished[0]?.brokenOff ?? '', /^gateway:stopping: no plugin decided on it again in time/);
});

test('only the last configuration decides on a stream, not one before it that decides late', async (t) => {
  const { client, stream, swap, admit, finished } = await open(t);
  let decide: (verdict: Verdict) => void = () => assert.fail('it did not run');
  await swap({
    access: () =>
      new Promise((resolve) => {
        decide = resolve;
      }),
  });
  await swap(admit);
  decide(refusing.access?.({} as never, new Uint8Array()) as Verdict);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(finished, []);
  stream.receiver.data(Buffer.from('data: 2\n\n'));
  await client.until(/data: 2/);
});

/** A webhook whose answer is a stream, through a gateway on a configuration. */
async function openWebhook(t: TestContext) {
  const clock = new VirtualClock();
  const streams: ServerResponse[] = [];
  const target = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    streams.push(response);
  });
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const { port } = target.address() as AddressInfo;
  const finished: FinishedRequest[] = [];
  const secrets = new Map([['env:KEY', 'the first secret of the test']]);
  const upstreams = new Upstreams();
  async function load(allow: string, tolerance = '') {
    const text = `services: { a: { targets: [{ url: "http://127.0.0.1:${port}" }], transport: direct } }
routes:
  a:
    match: { path: /hook }
    service: a
    plugins:
      webhook: { provider: github, secret: "env:KEY"${tolerance} }
      authorize: { allow: "${allow}" }
`;
    const ports = testPorts({
      clock,
      secrets: { get: async (reference) => Buffer.from(secrets.get(reference) ?? '') },
      upstreams,
      finished: (record) => finished.push(record),
    });
    return (await loadGateway({ file: 'postern.yaml', text }, ports)).gateway;
  }
  const generations = new Generations(await load(pushes), noLog);
  const server = await startServer(generations, { host: '127.0.0.1', port: 0, clock });
  t.after(async () => {
    target.closeAllConnections();
    target.close();
    await clock.run(server.close(0));
    await generations.close();
  });
  const body = '{"ref":"refs/heads/main"}';
  const signature = createHmac('sha256', 'the first secret of the test').update(body).digest('hex');
  const client = await RawClient.connect(server.address.port);
  client.send(
    `POST /hook HTTP/1.1\r\nHost: a\r\nx-github-event: push\r\nx-hub-signature-256: sha256=${signature}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await client.until(/data: 1/);
  const swap = async (...options: Parameters<typeof load>) => {
    generations.swap(await load(...options), drainTimeoutMs);
    await clock.advance(drainTimeoutMs);
  };
  return { client, swap, finished, secrets, streams };
}

const pushes = "webhook.event == 'push' && webhook.payload.ref == 'refs/heads/main'";

test('what a plugin found out from the body counts again, if the plugin is configured as before', async (t) => {
  const { client, swap, finished, streams } = await openWebhook(t);
  await swap(`${pushes} && webhook.provider == 'github'`);
  streams[0]?.end('data: 2\n\n');
  assert.match(await client.until(/data: 2[\s\S]*\r\n0\r\n/), /data: 1/);
  const [record] = finished;
  assert.deepEqual([record?.brokenOff, record?.exchange?.subject?.id], [undefined, 'github']);
  assert.deepEqual(
    record?.exchange?.trail.map(({ plugin, result }) => [plugin, result]),
    [
      ['webhook', 'next'],
      ['authorize', 'next'],
    ],
  );
  assert.equal(record?.exchange?.attempts[0]?.status, 200);
  client.close();
});

test('a new rule over what was found out from the body ends a stream', async (t) => {
  const { client, swap, finished } = await openWebhook(t);
  await swap("webhook.payload.ref == 'refs/heads/other'");
  await client.ended();
  assert.match(finished[0]?.brokenOff ?? '', /^authorize:/);
});

test('a stream ends when a plugin that needs the body is configured in another way', async (t) => {
  const { client, swap, finished } = await openWebhook(t);
  await swap(pushes, ', maxBody: 1MiB');
  await client.ended();
  assert.equal(finished[0]?.brokenOff, 'gateway:stopping: webhook would need the body again');
});

test('a stream ends when the secret that its request was verified with is replaced', async (t) => {
  const { client, swap, finished, secrets } = await openWebhook(t);
  secrets.set('env:KEY', 'the second secret of the test');
  await swap(pushes);
  await client.ended();
  assert.equal(finished[0]?.brokenOff, 'gateway:stopping: webhook would need the body again');
});
