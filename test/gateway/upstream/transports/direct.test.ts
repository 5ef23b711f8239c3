import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createServer, isIP } from 'node:net';
import test, { type TestContext } from 'node:test';
import { readEnvironment } from '../../../../gateway/environment.ts';
import type { ConnectError, Transport } from '../../../../gateway/upstream/transport.ts';
import { parseTransport } from '../../../../gateway/upstream/transports/index.ts';
import { MovableClock } from '../fixtures/clock.ts';
import { closedPort, start } from '../fixtures/server.ts';

function direct(clock = new MovableClock()): Transport {
  return parseTransport('direct').create({ clock, tailnet: readEnvironment({}).tailnet });
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
  const before = performance.now();
  await assert.rejects(
    direct().connect({ host: 'never.test', port: 80 }, 60),
    (error: ConnectError) => error.code === 'upstream:connect-timeout' && error.reply.status === 504,
  );
  assert.ok(performance.now() - before < 500);
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
  const clock = new MovableClock();
  const transport = direct(clock);
  const epochs = [1_000, 29_000, 31_000, 1_000, 3_600_000].map((ms) => {
    clock.pass(ms);
    return transport.ready(1_000);
  });
  assert.deepEqual(
    epochs.map((readiness) => 'epoch' in readiness && readiness.epoch),
    [0, 0, 1, 1, 2],
  );
});
