import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import test from 'node:test';
import { replies } from '../../../../demo/socks5-server.ts';
import { readTailnetPorts } from '../../../../gateway/upstream/tailnet/ports.ts';
import type { ConnectError, Transport } from '../../../../gateway/upstream/transport.ts';
import { createTransport } from '../../../support/transport.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { silence, startProxy } from '../fixtures/proxy.ts';
import { closedPort, says, start, startTarget, until } from '../fixtures/server.ts';

function through(port: number, clock = new VirtualClock(Date.now())): Transport {
  return createTransport(`socks5://127.0.0.1:${port}`, { clock, tailnet: readTailnetPorts({}) });
}

async function failure(transport: Transport, host = 'builder.test', withinMs = 1_000): Promise<ConnectError> {
  return transport.connect({ host, port: 80 }, withinMs).then(
    () => assert.fail('it connected'),
    (error: ConnectError) => error,
  );
}

for (const [host, seen] of [
  ['builder.test', 'builder.test:80'],
  ['10.0.0.5', '10.0.0.5:80'],
  ['fd7a:115c:a1e0::5', 'fd7a:115c:a1e0:0:0:0:0:5:80'],
] as const) {
  test(`${host} goes to the proxy as it is; the proxy resolves names`, async (t) => {
    const { port } = await startTarget(t, says('hello'));
    const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port }));
    const socket = await through(proxy.port).connect({ host, port: 80 }, 1_000);
    assert.deepEqual(proxy.asked, [seen]);
    socket.destroy();
  });
}

const codes: readonly (readonly [reply: keyof typeof replies, code: string])[] = [
  ['failure', 'upstream:connect-failed'],
  ['notAllowed', 'upstream:target-denied'],
  ['networkUnreachable', 'upstream:target-offline'],
  ['hostUnreachable', 'upstream:target-offline'],
  ['connectionRefused', 'upstream:connection-refused'],
  ['ttlExpired', 'upstream:connect-timeout'],
  ['commandNotSupported', 'upstream:connect-failed'],
  ['addressNotSupported', 'upstream:connect-failed'],
];
for (const [reply, code] of codes) {
  test(`the reply ${reply} (${replies[reply]}) is ${code}`, async (t) => {
    const proxy = await startProxy(t, () => ({ refuse: replies[reply] }));
    const error = await failure(through(proxy.port));
    assert.equal(error.code, code);
    assert.match(error.reply.detail ?? '', /^builder\.test:80: the SOCKS5 proxy 127\.0\.0\.1:/);
  });
}

test('a proxy that never answers is given up in time, and its connection closed', async (t) => {
  const proxy = await start(
    t,
    createServer((socket) => socket.resume()),
  );
  const clock = new VirtualClock();
  const error = await clock.run(failure(through(proxy.port, clock), 'builder.test', 100));
  assert.equal(error.code, 'upstream:connect-timeout');
  assert.equal(clock.monotonic(), 100);
  await until(() => proxy.open() === 0);
});

test('a proxy that answers the greeting and then no more is given up in time', async (t) => {
  const proxy = await startProxy(t, silence);
  const clock = new VirtualClock();
  const error = await clock.run(failure(through(proxy.port, clock), 'builder.test', 100));
  assert.equal(error.code, 'upstream:connect-timeout');
  assert.equal(clock.monotonic(), 100);
});

test('where no proxy is, or none for SOCKS5, or one that wants a password, the tunnel is not ready', async (t) => {
  const http = await startTarget(t, says('hello'));
  const closes = await start(
    t,
    createServer((socket) => socket.destroy()),
  );
  const wantsPassword = await start(
    t,
    createServer((socket) => socket.on('data', () => socket.end(Buffer.from([5, 0xff])))),
  );
  for (const port of [await closedPort(t), http.port, closes.port, wantsPassword.port]) {
    const error = await failure(through(port));
    assert.equal(error.code, 'upstream:tunnel-not-ready');
    assert.equal(error.reply.status, 503);
  }
});

test('a long pause makes kept connections suspect', () => {
  const clock = new VirtualClock(Date.now());
  const transport = through(1, clock);
  assert.deepEqual(transport.ready(1), { ready: true, epoch: 0 });
  clock.freeze(31_000);
  assert.deepEqual(transport.ready(1), { ready: true, epoch: 1 });
});
