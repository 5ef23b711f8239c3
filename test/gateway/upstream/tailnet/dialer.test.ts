import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import test, { type TestContext } from 'node:test';
import { replies } from '../../../../demo/socks5-server.ts';
import { createUpstream } from '../../../../gateway/upstream/client.ts';
import { LayerOwner } from '../../../../gateway/upstream/tailnet/layer-owner.ts';
import { connectCauses } from '../../../../gateway/upstream/tailnet/tunnel.ts';
import { TunnelTransport } from '../../../../gateway/upstream/tailnet/tunnel-transport.ts';
import { parseTarget } from '../../../../gateway/upstream/target.ts';
import type { ConnectError } from '../../../../gateway/upstream/transport.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { send } from '../fixtures/call.ts';
import { type FakeOwner, notReady, ready, startOwner } from '../fixtures/endpoint.ts';
import { silence, startProxy, type TestProxy } from '../fixtures/proxy.ts';
import { closedPort, start, startTarget, until } from '../fixtures/server.ts';

interface Tunnel {
  readonly owner: FakeOwner;
  readonly proxy: TestProxy;
  readonly transport: TunnelTransport;
  readonly clock: VirtualClock;
}

/** A tunnel to a target on which nothing speaks: what counts here is the connection. */
async function tunnel(t: TestContext, socksPort?: number): Promise<Tunnel> {
  const target = await start(
    t,
    createServer((socket) => socket.resume()),
  );
  const owner = await startOwner(t);
  const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: target.port }));
  const clock = new VirtualClock();
  const transport = new TunnelTransport(
    new LayerOwner({ socksPort: socksPort ?? proxy.port, readinessPort: owner.port }, clock),
    clock,
  );
  return { owner, proxy, transport, clock };
}

const builder = { host: 'builder.test', port: 8080 };

async function failing(
  { transport, clock }: Pick<Tunnel, 'transport' | 'clock'>,
  withinMs = 10_000,
): Promise<{ error: ConnectError; ms: number }> {
  const before = clock.monotonic();
  const error = await clock.run(transport.connect(builder, withinMs)).then(
    () => assert.fail('it connected'),
    (caught: ConnectError) => caught,
  );
  return { error, ms: clock.monotonic() - before };
}

test('a dial that hangs is given up after 400 ms and made again', async (t) => {
  const { proxy, transport, owner, clock } = await tunnel(t);
  const { route } = proxy;
  proxy.route = (host, port) => (proxy.asked.length === 1 ? silence() : route(host, port));
  const socket = await clock.run(transport.connect(builder, 10_000));
  assert.equal(clock.monotonic(), 400);
  assert.deepEqual(proxy.asked, ['builder.test:8080', 'builder.test:8080']);
  assert.deepEqual(owner.asked, []);
  socket.destroy();
});

test('a request is sent once, however often its connection was dialed', async (t) => {
  const requests: string[] = [];
  const target = await startTarget(t, async (request, response) => {
    requests.push(`${request.method} ${Buffer.concat(await request.toArray())}`);
    response.end('delivered');
  });
  const { proxy, transport, clock } = await tunnel(t);
  proxy.route = () => (proxy.asked.length === 1 ? silence() : { host: '127.0.0.1', port: target.port });
  const upstream = createUpstream({
    targets: [parseTarget('http://builder.test:8080')],
    transport,
    timeoutMs: 10_000,
  });
  t.after(() => upstream.close());
  const sent = send(upstream, { method: 'POST', body: Buffer.from('event') });
  assert.equal((await clock.run(sent)).body, 'delivered');
  assert.deepEqual(requests, ['POST event']);
  assert.equal(proxy.asked.length, 2);
});

for (const code of Object.keys(connectCauses) as (keyof typeof connectCauses)[]) {
  test(`a refused dial is diagnosed: ${code}`, async (t) => {
    const { owner, proxy, transport, clock } = await tunnel(t);
    proxy.route = () => ({ refuse: replies.failure });
    owner.diagnose = (target) => ({ code, detail: `asked about ${target}` });
    const { error, ms } = await failing({ transport, clock });
    assert.equal(error.code, code);
    assert.equal(error.reply.title, connectCauses[code]);
    assert.equal(error.reply.detail, 'asked about builder.test:8080');
    const dials = code === 'upstream:connect-timeout' ? 2 : 1;
    assert.equal(
      proxy.asked.length,
      dials,
      'a refusal is an answer, and dialed again only where it may be over',
    );
    assert.equal(ms, 0);
  });
}

test('the diagnosis of an IPv6 target puts it in brackets', async (t) => {
  const { owner, proxy, transport } = await tunnel(t);
  proxy.route = () => ({ refuse: replies.failure });
  const targets: string[] = [];
  owner.diagnose = (target) => {
    targets.push(target);
    return { code: 'upstream:target-offline', detail: '' };
  };
  await transport.connect({ host: 'fd7a:115c:a1e0::5', port: 80 }, 1_000).catch(() => {});
  assert.deepEqual(targets, ['[fd7a:115c:a1e0::5]:80']);
});

test('a target that never answers is given up after two dials, and diagnosed', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  proxy.route = silence;
  owner.diagnose = () => ({ code: 'upstream:target-offline', detail: 'builder was last seen yesterday' });
  const { error, ms } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:target-offline');
  assert.equal(proxy.asked.length, 2);
  assert.equal(ms, 1_400);
});

test('a diagnosis that does not come is not waited for longer than 2 s', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  proxy.route = silence;
  owner.diagnose = silence;
  const { error, ms } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:connect-timeout');
  assert.equal(ms, 1_400 + 2_000);
});

for (const withinMs of [50, 300, 900]) {
  test(`the ${withinMs} ms given are enough for an answer, however the tunnel fails`, async (t) => {
    const { owner, proxy, transport, clock } = await tunnel(t);
    proxy.route = silence;
    owner.diagnose = silence;
    owner.answer = silence;
    const { error, ms } = await failing({ transport, clock }, withinMs);
    assert.match(error.code, /^upstream:(connect-timeout|tunnel-not-ready)$/);
    assert.ok(ms <= withinMs, `${ms} ms`);
  });
}

test('whatever fails, 5 s are enough', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  proxy.route = silence;
  owner.diagnose = silence;
  let epoch = 1;
  // Each time it is asked it says that the tunnel is another one: the dialer goes on, but not for ever.
  owner.answer = () => {
    epoch += 1;
    return ready(epoch);
  };
  await clock.run(Promise.resolve(transport.ready(1_000)));
  const { ms } = await failing({ transport, clock }, 60_000);
  assert.equal(ms, 5_000);
});

test('when the tunnel was joined again in the meantime, the dial is made again', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  const { route } = proxy;
  await clock.run(Promise.resolve(transport.ready(1_000)));
  let rejoined = false;
  proxy.route = (host, port) => (rejoined ? route(host, port) : { refuse: replies.failure });
  owner.diagnose = () => {
    rejoined = true;
    return { code: 'upstream:target-unknown', detail: 'the control server forgot this node' };
  };
  owner.answer = () => ready(rejoined ? 2 : 1);
  const socket = await clock.run(transport.connect(builder, 5_000));
  assert.equal(proxy.asked.length, 2);
  socket.destroy();
});

test('when the diagnosis finds that the target can be reached, the dial is made again', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  const { route } = proxy;
  let over = false;
  proxy.route = (host, port) => (over ? route(host, port) : silence());
  owner.diagnose = () => {
    over = true;
    return { code: 'upstream:connect-timeout', detail: 'a connection was just made' };
  };
  const socket = await clock.run(transport.connect(builder, 5_000));
  assert.equal(proxy.asked.length, 3);
  socket.destroy();
});

test('while tailscaled is restarted the dial waits for it', async (t) => {
  const socksPort = await closedPort(t);
  const { owner, proxy, transport, clock } = await tunnel(t, socksPort);
  await clock.run(Promise.resolve(transport.ready(1_000)));
  owner.answer = async () => {
    await clock.sleep(150);
    await startProxy(t, proxy.route, socksPort);
    return ready(2);
  };
  const socket = await clock.run(transport.connect(builder, 5_000));
  assert.equal(owner.asked.filter((path) => path.startsWith('/diagnose')).length, 0);
  socket.destroy();
});

test('when nothing listens on the SOCKS port and the tunnel is down, its cause is the answer', async (t) => {
  const { owner, transport, clock } = await tunnel(t, await closedPort(t));
  owner.answer = () => notReady('tunnel:daemon-failed', 'tailscaled does not start.');
  const { error, ms } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:tunnel-not-ready');
  assert.equal(error.reply.detail, 'tunnel:daemon-failed: tailscaled does not start.');
  assert.equal(ms, 50);
});

test('when nothing listens on the SOCKS port although the tunnel is ready, the error says so', async (t) => {
  const { transport, clock } = await tunnel(t, await closedPort(t));
  const { error, ms } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:tunnel-not-ready');
  assert.match(error.reply.detail ?? '', /ECONNREFUSED/);
  // For the owner to notice, in both rounds.
  assert.equal(ms, 100);
});

test('a tunnel that is found not ready after a failed dial is not ready for the next request either', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  await clock.run(Promise.resolve(transport.ready(1_000)));
  proxy.route = () => ({ refuse: replies.failure });
  owner.answer = () => notReady('tunnel:joining', 'It is being joined.');
  const { error } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:tunnel-not-ready');
  assert.ok(transport.ready(100) instanceof Promise);
});

test('when no checked target answers, the diagnosis of this one is the answer', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  proxy.route = () => ({ refuse: replies.failure });
  owner.answer = () => notReady('tunnel:target-unreachable', 'builder.test: no answer to pings.');
  owner.diagnose = () => ({ code: 'upstream:target-offline', detail: 'builder.test is off.' });
  const { error } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:target-offline');
});

test('a diagnosis that names the cause is the answer although the tunnel is being joined again', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  proxy.route = () => ({ refuse: replies.failure });
  owner.answer = () => notReady('tunnel:joining', 'It is being joined.');
  owner.diagnose = () => ({ code: 'upstream:target-offline', detail: 'builder.test is off.' });
  const { error } = await failing({ transport, clock });
  assert.equal(error.code, 'upstream:target-offline');
});

test('many that fail to reach one target at the same time ask for one diagnosis', async (t) => {
  const { owner, proxy, transport, clock } = await tunnel(t);
  proxy.route = () => ({ refuse: replies.failure });
  owner.diagnose = async () => {
    await clock.sleep(100);
    return { code: 'upstream:connection-refused', detail: 'closed' };
  };
  const codes = await Promise.all(
    Array.from({ length: 10 }, async () => (await failing({ transport, clock })).error.code),
  );
  assert.deepEqual(new Set(codes), new Set(['upstream:connection-refused']));
  assert.equal(owner.asked.filter((path) => path.startsWith('/diagnose')).length, 1);
});

test('a forbidden target is refused before the owner is asked', async (t) => {
  const { owner, proxy, transport } = await tunnel(t);
  for (const host of ['127.0.0.1', 'localhost', '169.254.169.254', '::ffff:127.0.0.1', '100.100.100.100']) {
    await assert.rejects(
      transport.connect({ host, port: 80 }, 1_000),
      (error: ConnectError) => error.code === 'upstream:target-denied',
    );
  }
  assert.deepEqual([...proxy.asked, ...owner.asked], []);
});

test('dials that were given up leave no connection behind', async (t) => {
  const target = await start(
    t,
    createServer((socket) => socket.resume()),
  );
  const owner = await startOwner(t);
  const clock = new VirtualClock();
  const transport = new TunnelTransport(
    new LayerOwner({ socksPort: target.port, readinessPort: owner.port }, clock),
    clock,
  );
  await failing({ transport, clock });
  await until(() => target.open() === 0);
  assert.equal(target.connections(), 4);
});
