import assert from 'node:assert/strict';
import test from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { type GatewayPorts, InvalidConfiguration, loadGateway } from '../../gateway/index.ts';
import { defaultLimits, limitsOf, mostHeldBodyBytes } from '../../server/limits.ts';
import { startServer } from '../../server/listener.ts';
import { noLog } from '../support/gateway.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const ports: GatewayPorts = {
  clock: systemClock,
  log: noLog,
  secrets: { get: () => Promise.reject(new Error('no secret is read')) },
  tailnet: { host: '127.0.0.1', socksPort: 1, readyPort: 2 },
} as unknown as GatewayPorts;

const load = (server: string, headOnly = false) =>
  loadGateway(
    {
      file: 'postern.yaml',
      text: `services:
  a: { targets: [{ url: "http://192.0.2.1:80" }], transport: direct }
routes:
  all: { match: { path: "/*" }, service: a, open: true }
${server}`,
    },
    { ...ports, headOnly },
  );

test('without `server` the defaults count', async () => {
  const { gateway, server: options } = await load('');
  assert.deepEqual(limitsOf(options.limits), defaultLimits);
  await gateway.close();
});

test('every limit of the listener can be set', async () => {
  const { gateway, server: options } = await load(`server:
  limits:
    headerSize: 16KiB
    headerLines: 50
    headerTimeout: 5s
    requestTimeout: 20s
    keepAliveTimeout: 30s
    bodyRate: 1KiB
    bodyWindow: 4s
    memory: 8MiB
    memoryPerAddress: 3MiB
    answerTimeout: 15s
    connections: 7
    connectionsPerAddress: 3
    pipelined: 2
`);
  assert.deepEqual(limitsOf(options.limits), {
    headerBytes: 16_384,
    headerCount: 50,
    headersTimeoutMs: 5_000,
    requestTimeoutMs: 20_000,
    keepAliveTimeoutMs: 30_000,
    bodyBytesPerSecond: 1_024,
    bodyWindowMs: 4_000,
    memoryBytes: 8 << 20,
    memoryPerAddressBytes: 3 << 20,
    stalledReaderMs: 15_000,
    lingerMs: defaultLimits.lingerMs,
    discardBytes: defaultLimits.discardBytes,
    connections: 7,
    connectionsPerAddress: 3,
    pipelined: 2,
  });
  await gateway.close();
});

test('an address may hold a quarter unless it is given, and headers take no longer than their request', () => {
  assert.equal(limitsOf({ memory: 8 << 20 }).memoryPerAddressBytes, 2 << 20);
  assert.equal(limitsOf({ connections: 10 }).connectionsPerAddress, 3);
  assert.equal(limitsOf({ requestTimeout: 2_000 }).headersTimeoutMs, 2_000);
});

test('a body can hold what one address may hold, and no more than all of them together', () => {
  assert.equal(mostHeldBodyBytes({ limits: {} }), defaultLimits.memoryPerAddressBytes);
  assert.equal(mostHeldBodyBytes({ limits: { memory: 8 << 20 } }), 2 << 20);
  assert.equal(mostHeldBodyBytes({ limits: { memoryPerAddress: 1 << 30 } }), defaultLimits.memoryBytes);
});

test('a limit of the configuration is the limit of the listener', async (t) => {
  const { gateway, server: options } = await load('server: { limits: { headerLines: 2 } }');
  const limits = limitsOf(options.limits);
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits });
  t.after(() => server.close(0).then(() => gateway.close()));
  const client = await RawClient.connect(server.address.port);
  const answer = firstAnswer(await client.send('GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n').ended());
  assert.equal(answer.status, 431);
});

test('the functions accept the section, for one file may serve both hosts', async () => {
  await (await load('server: { limits: { memory: 8MiB } }', true)).gateway.close();
});

for (const [what, server, message] of [
  ['an unknown key', 'server: { port: 80 }', /server/],
  ['an unknown limit', 'server: { limits: { memroy: 8MiB } }', /memory/],
  ['a size without a unit', 'server: { limits: { memory: 8 } }', /size such as/],
  ['too little memory', 'server: { limits: { memory: 8KiB } }', /at least 1MiB/],
  ['too little for one', 'server: { limits: { memoryPerAddress: 255KiB } }', /at least 256KiB/],
  ['no rate', 'server: { limits: { bodyRate: 0B } }', /at least 1B/],
  ['no time', 'server: { limits: { bodyWindow: 0s } }', /not 0/],
  [
    'more for one than for all',
    'server: { limits: { memory: 8MiB, memoryPerAddress: 9MiB } }',
    /larger than memory/,
  ],
  ['a timer beyond what timers can', 'server: { limits: { requestTimeout: 30d } }', /duration/],
] as const) {
  test(`a wrong section is an error at its line: ${what}`, async () => {
    await assert.rejects(load(server), (error) => {
      assert.ok(error instanceof InvalidConfiguration);
      assert.match(error.message, message);
      assert.match(error.message, /postern\.yaml:5:/);
      return true;
    });
  });
}
