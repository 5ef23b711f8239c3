import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { call } from '../../base/http/call.ts';
import { dialSocks } from '../../base/socks5/dial.ts';
import { parseTarget, serveReadiness } from '../../extension/readiness.ts';
import { FakeSocks } from '../tunnel/fake-socks.ts';
import type { FakeTailscaled } from '../tunnel/fake-tailscaled.ts';
import { listen } from '../tunnel/listen.ts';
import { type TunnelLab, tunnelLab } from '../tunnel/tunnel-lab.ts';

interface Asked {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: Record<string, unknown>;
}

async function lab(
  t: TestContext,
): Promise<TunnelLab & { ask: (path: string, method?: 'GET' | 'POST') => Promise<Asked> }> {
  const tunnel = tunnelLab(t);
  const socks = await new FakeSocks({ 8080: 0 }).start();
  const port = await freePort();
  const server = await serveReadiness(tunnel.tunnel, port, (target, withinMs) =>
    dialSocks({ host: '127.0.0.1', port: socks.port }, target, withinMs, tunnel.clock),
  );
  t.after(() => {
    socks.close();
    server.close();
  });
  return {
    ...tunnel,
    async ask(path, method = 'GET') {
      const to = new URL(`http://127.0.0.1:${port}`);
      const answer = await tunnel.run(call({ to, method, path, timeoutMs: Number.POSITIVE_INFINITY }));
      return { status: answer.status, type: answer.headers['content-type'], body: JSON.parse(answer.body) };
    },
  };
}

test('a tunnel that is ready is 200 with its epoch', async (t) => {
  const { ask, tunnel, run } = await lab(t);
  await run(tunnel.join(2_000));
  assert.deepEqual(await ask('/ready?within=100'), {
    status: 200,
    type: 'application/json',
    body: { ready: true, epoch: 1 },
  });
});

test('a tunnel that is not ready is 503 with problem details', async (t) => {
  const { ask, daemon, tunnel, run } = await lab(t);
  daemon.pongs = () => false;
  await run(tunnel.join(300));
  const { status, type, body } = await ask('/ready?within=1000');
  assert.deepEqual([status, type], [503, 'application/problem+json']);
  assert.deepEqual(Object.keys(body).sort(), ['code', 'detail', 'ready', 'title']);
  assert.equal(body.code, 'tunnel:target-unreachable');
});

test('a request during the join waits for it, at most for the time that it names', async (t) => {
  const { ask, clock, daemon, tunnel, run } = await lab(t);
  daemon.onLogin = () => [];
  const joining = tunnel.join(600_000);
  assert.equal((await ask('/ready?within=150')).body.code, 'tunnel:joining');
  // 20 ms are kept back for the way of the answer.
  assert.equal(clock.monotonic(), 130);
  clock.sleep(1_000).then(() => daemon.tell({ State: 6 }));
  assert.equal((await ask('/ready?within=30000')).status, 200);
  assert.ok(clock.monotonic() >= 1_130 && clock.monotonic() < 1_500, `${clock.monotonic()} ms`);
  await run(joining);
});

const unreachable: Readonly<Record<string, (daemon: FakeTailscaled) => void>> = {
  'answers no ping': () => {},
  'answers outside WireGuard alone': (daemon) => {
    daemon.pongs = (_, type) => type === 'disco';
  },
  'is not a peer': (daemon) => {
    daemon.peers = [];
  },
  'cannot be asked for, because tailscaled hangs': (daemon) => {
    for (const path of ['status', 'ping', 'prefs', 'start']) daemon.hung.add(path);
  },
};
for (const [how, silence] of Object.entries(unreachable)) {
  test(`a target that ${how} is told within the time that the caller gives`, async (t) => {
    const { ask, clock, daemon, tunnel, freeze, run } = await lab(t);
    daemon.pongs = () => false;
    await run(tunnel.join(300));
    silence(daemon);
    // Later than all that is done by itself soon after a failure.
    freeze(10_000);
    for (const withinMs of [60, 250, 30_000]) {
      const before = clock.monotonic();
      const { status, body } = await ask(`/ready?within=${withinMs}`);
      assert.ok(clock.monotonic() - before < withinMs, `${clock.monotonic() - before} ms`);
      assert.deepEqual([status, body.ready], [503, false], `within ${withinMs}`);
      assert.match(String(body.code), /^tunnel:(?:target-unreachable|daemon-failed)$/);
    }
  });
}

test('a failed connection is diagnosed', async (t) => {
  const { ask, tunnel, run } = await lab(t);
  await run(tunnel.join(2_000));
  const { status, body } = await ask('/diagnose?target=target:8081&within=2000');
  assert.deepEqual([status, body.code], [200, 'upstream:connection-refused']);
});

const refused = [
  [404, '/'],
  [404, '/readyz?within=100'],
  [404, '//ready?within=100'],
  [400, '/ready'],
  [400, '/ready?within=0'],
  [400, '/ready?within=-1'],
  [400, '/ready?within=1.5'],
  [400, '/ready?within=30001'],
  [400, '/ready?within=1e3'],
  [400, '/diagnose?within=100'],
  [400, '/diagnose?within=100&target=web'],
  [400, '/diagnose?within=100&target=web:0'],
  [400, '/diagnose?within=100&target=web:65536'],
  [400, '/diagnose?within=100&target=a%20b:80'],
  [400, '/diagnose?within=100&target=::1:80'],
] as const;

test('anything else is refused, each with words', async (t) => {
  const { ask } = await lab(t);
  for (const [status, path] of refused) {
    const answer = await ask(path);
    assert.equal(answer.status, status, path);
    assert.equal(typeof answer.body.detail, 'string');
  }
  assert.equal((await ask('/ready?within=100', 'POST')).status, 400);
});

test('a port that is taken says which variable to change', async (t) => {
  const { tunnel } = tunnelLab(t);
  const other = net.createServer();
  const port = await listen(other);
  t.after(() => other.close());
  await assert.rejects(
    serveReadiness(tunnel, port, () => Promise.reject(new Error('nobody dials'))),
    {
      code: 'tunnel:misconfigured',
      message: /POSTERN_SOCKS_PORT/,
    },
  );
});

test('a target is a host and a port, and nothing else is', () => {
  assert.deepEqual(parseTarget('web.tail.test:8080'), { host: 'web.tail.test', port: 8080 });
  assert.deepEqual(parseTarget('[fd7a::1]:80'), { host: 'fd7a::1', port: 80 });
  fc.assert(
    fc.property(fc.string(), (text) => {
      const target = parseTarget(text);
      if (target === undefined) return true;
      return target.host.length <= 253 && target.port >= 1 && target.port <= 65_535;
    }),
  );
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      assert.deepEqual(parseTarget(`${host}:${port}`), { host, port });
    }),
  );
});

async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
