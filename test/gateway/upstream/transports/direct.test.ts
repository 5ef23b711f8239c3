import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createServer, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import test, { type TestContext } from 'node:test';
import { readTailnetPorts } from '../../../../gateway/upstream/tailnet/ports.ts';
import type { ConnectError, Transport } from '../../../../gateway/upstream/transport.ts';
import { createTransport } from '../../../support/transport.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { closedPort, start } from '../fixtures/server.ts';

function direct(clock = new VirtualClock(Date.now()), sandboxed = false): Transport {
  return createTransport('direct', { clock, tailnet: readTailnetPorts({}), sandboxed });
}

/** What the machine's resolver says is not the test's to choose, so it is put in its place. */
function resolvesTo(t: TestContext, addresses: readonly string[]): void {
  type Callback = (error: null, found: { address: string; family: number }[]) => void;
  t.mock.method(dns, 'lookup', (_host: string, _options: unknown, callback: Callback) => {
    callback(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );
  });
}

test('it connects to addresses of both families and to names', async (t) => {
  const { port } = await start(t, createServer());
  const six = await start(t, createServer(), '::1');
  for (const destination of [
    { host: '127.0.0.1', port },
    { host: 'localhost', port },
    { host: '::1', port: six.port },
  ]) {
    const socket = await direct().connect(destination, 1_000);
    assert.equal(socket.remotePort, destination.port);
    socket.destroy();
  }
});

test('a name with addresses of both families is tried at each: only the second listens', async (t) => {
  const { port } = await start(t, createServer(), '::1');
  resolvesTo(t, ['127.0.0.1', '::1']);
  const socket = await direct().connect({ host: 'both.test', port }, 1_000);
  assert.equal(socket.remoteAddress, '::1');
  socket.destroy();
});

test('a refused connection and an unknown name have codes of their own', async (t) => {
  const port = await closedPort(t);
  await assert.rejects(
    direct().connect({ host: '127.0.0.1', port }, 1_000),
    (error: ConnectError) => error.code === 'upstream:connection-refused' && error.reply.status === 502,
  );
  await assert.rejects(
    direct().connect({ host: 'no-such-host.invalid', port }, 5_000),
    (error: ConnectError) => error.code === 'upstream:target-unknown',
  );
});

test('a connection that is not made in time is given up', async (t) => {
  t.mock.method(dns, 'lookup', () => {});
  const clock = new VirtualClock();
  await assert.rejects(
    clock.run(direct(clock).connect({ host: 'never.test', port: 80 }, 60)),
    (error: ConnectError) => error.code === 'upstream:connect-timeout' && error.reply.status === 504,
  );
  assert.deepEqual([clock.monotonic(), clock.sleepers], [60, 0]);
});

test('a name of which no address takes the connection is refused', async (t) => {
  const port = await closedPort(t);
  resolvesTo(t, ['127.0.0.1', '::1']);
  await assert.rejects(
    direct().connect({ host: 'both.test', port }, 1_000),
    (error: ConnectError) => error.code === 'upstream:connection-refused',
  );
});

test('a long pause makes kept connections suspect, a short one does not', () => {
  const clock = new VirtualClock(Date.now());
  const transport = direct(clock);
  const epochs = [1_000, 29_000, 31_000, 1_000, 3_600_000].map((ms) => {
    clock.freeze(ms);
    return transport.ready(1_000);
  });
  assert.deepEqual(
    epochs.map((readiness) => 'epoch' in readiness && readiness.epoch),
    [0, 0, 1, 1, 2],
  );
});

const forbidden = [
  ['127.0.0.1'],
  ['::1'],
  ['169.254.169.254'],
  ['169.254.170.2'],
  ['fe80::1'],
  ['fd00:ec2::254'],
  ['0.0.0.0'],
  ['::'],
  ['224.0.0.1'],
  ['255.255.255.255'],
  ['::ffff:127.0.0.1'],
  ['::ffff:a9fe:a9fe'],
  ['64:ff9b::169.254.169.254'],
  ['192.0.2.1', '127.0.0.1'],
  ['2001:db8::1', '192.0.2.1', '::1'],
];
for (const addresses of forbidden) {
  test(`in a sandbox a name that resolves to ${addresses.join(' and ')} is not connected to`, async (t) => {
    const { port } = await start(
      t,
      createServer((socket) => socket.destroy()),
    );
    resolvesTo(t, addresses);
    await assert.rejects(
      direct(new VirtualClock(Date.now()), true).connect({ host: 'innocent.test', port }, 1_000),
      (error: ConnectError) => {
        assert.equal(error.code, 'upstream:target-denied');
        assert.match(error.reply.detail ?? '', /^innocent\.test is .* cannot be a target/);
        return true;
      },
    );
  });
}

test('outside a sandbox a name that resolves to this machine is connected to', async (t) => {
  const { port } = await start(t, createServer());
  resolvesTo(t, ['127.0.0.1']);
  const socket = await direct().connect({ host: 'demo.test', port }, 1_000);
  socket.destroy();
});

test('in a sandbox an unknown name keeps its own code', async () => {
  await assert.rejects(
    direct(new VirtualClock(Date.now()), true).connect({ host: 'no-such-host.invalid', port: 80 }, 5_000),
    (error: ConnectError) => error.code === 'upstream:target-unknown',
  );
});

const own = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
test('in a sandbox a name that resolves to another address is connected to', {
  skip: own === undefined,
}, async (t) => {
  const { port } = await start(t, createServer(), own);
  resolvesTo(t, [own as string]);
  const socket = await direct(new VirtualClock(Date.now()), true).connect({ host: 'peer.test', port }, 1_000);
  assert.equal(socket.remoteAddress, own);
  socket.destroy();
});
