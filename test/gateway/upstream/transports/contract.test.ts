import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import tls from 'node:tls';
import { everything } from '../../../../base/named.ts';
import { createUpstream } from '../../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../../gateway/upstream/target.ts';
import { ConnectError, type Transport } from '../../../../gateway/upstream/transport.ts';
import { loadTransports } from '../../../../gateway/upstream/transports/index.ts';
import type { Upstream } from '../../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../../support/transport.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { begin, send } from '../fixtures/call.ts';
import { selfSigned } from '../fixtures/certificate.ts';
import { startOwner } from '../fixtures/endpoint.ts';
import { silence, startProxy } from '../fixtures/proxy.ts';
import { closedPort, says, startTarget, until } from '../fixtures/server.ts';

// What holds for every transport. A new one needs a way to its targets here, and nothing else.

interface Way {
  readonly transport: Transport;
  readonly clock: VirtualClock;
  /**
   * The host by which the transport reaches a port of this machine; the port stays. `silent.test` is a host that never answers, except for
   * `direct`, which has no proxy that could do that.
   */
  readonly host: string;
}

type OpenWay = (t: TestContext) => Promise<Way>;

async function proxyTo127(t: TestContext): Promise<number> {
  const proxy = await startProxy(t, (host, port) =>
    host === 'silent.test' ? silence() : { host: '127.0.0.1', port },
  );
  return proxy.port;
}

const transports = await loadTransports(everything);
const ways: Readonly<Record<string, OpenWay>> = {
  direct: async () => {
    const clock = new VirtualClock(Date.now());
    const transport = createTransport('direct', { clock, tailnet: readTailnetPorts({}) });
    return { transport, clock, host: '127.0.0.1' };
  },
  socks5: async (t) => {
    const clock = new VirtualClock(Date.now());
    return {
      transport: createTransport(`socks5://127.0.0.1:${await proxyTo127(t)}`, {
        clock,
        tailnet: readTailnetPorts({}),
      }),
      clock,
      host: 'target.test',
    };
  },
  tailnet: async (t) => {
    const clock = new VirtualClock(Date.now());
    const owner = await startOwner(t);
    owner.diagnose = () => ({ code: 'upstream:connection-refused', detail: 'nothing listens' });
    const tailnet = readTailnetPorts({});
    const ports = { ...tailnet, socksPort: await proxyTo127(t), readinessPort: owner.port };
    const transport = createTransport('tailnet', { clock, tailnet: ports });
    return { transport, clock, host: 'target.test' };
  },
};

const certificate = selfSigned(['127.0.0.1', 'target.test']);
tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate.cert]);

function upstreamOver(
  t: TestContext,
  { transport, clock, host }: Way,
  ports: readonly number[],
  scheme = 'http',
): Upstream {
  const targets = ports.map((port) => parseTarget(`${scheme}://${host}:${port}`));
  const upstream = createUpstream({ targets, transport, timeoutMs: 10_000, clock });
  t.after(() => upstream.close());
  return upstream;
}

test('every transport has its way in this suite', () => {
  assert.deepEqual(Object.keys(ways).sort(), transports.map(({ name }) => name).sort());
});

for (const [name, open] of Object.entries(ways)) {
  test(`${name}: a body of 4 MB goes out and comes back, byte for byte, over a kept connection`, async (t) => {
    const target = await startTarget(t, (request, response) => void request.pipe(response));
    const upstream = upstreamOver(t, await open(t), [target.port]);
    const body = Buffer.alloc(4 * 1024 * 1024, 'postern ');
    for (let round = 0; round < 2; round += 1) {
      assert.ok(body.equals(Buffer.from((await send(upstream, { method: 'POST', body })).body)));
    }
    assert.equal(target.connections(), 1);
  });

  test(`${name}: https works, with the certificate checked against the target's own name`, async (t) => {
    const target = await startTarget(t, says('secret'), { tls: certificate });
    assert.equal((await send(upstreamOver(t, await open(t), [target.port], 'https'))).body, 'secret');
  });

  test(`${name}: on a closed port the reason is upstream:connection-refused, and the next target is tried`, async (t) => {
    const way = await open(t);
    const closed = await closedPort(t);
    const target = await startTarget(t, says('hello'));
    const refused = await send(upstreamOver(t, way, [closed]), {
      method: 'POST',
      body: Buffer.from('event'),
    });
    assert.equal(refused.failed?.code, 'upstream:connection-refused');
    assert.equal((await send(upstreamOver(t, way, [closed, target.port]), { method: 'POST' })).body, 'hello');
  });

  test(`${name}: a slow reader slows the target down`, async (t) => {
    const size = 24 * 1024 * 1024;
    let written = 0;
    const target = await startTarget(t, (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
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
    const under = begin(upstreamOver(t, await open(t), [target.port]), { onData: () => flowing });
    await until(() => written > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(written < size, `${written} bytes were written to a client that read one chunk`);
    flowing = true;
    under.call.resume();
    assert.equal((await under.done).bytes, size);
  });

  test(`${name}: an aborted call closes the connection, all the way`, async (t) => {
    const target = await startTarget(t, (_request, response) => void response.write('half'));
    const under = begin(upstreamOver(t, await open(t), [target.port]));
    await until(() => target.open() === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    under.call.abort();
    await until(() => target.open() === 0);
  });

  test(`${name}: the epoch of readiness never falls, whatever the wall clock does`, async (t) => {
    const { transport, clock } = await open(t);
    let epoch = -1;
    for (const ms of [0, 0, 1, 5_000, 50_000, -3_600_000, 10 * 3_600_000, 0]) {
      clock.freeze(ms);
      const readiness = await transport.ready(300);
      assert.ok(readiness.ready && readiness.epoch >= epoch);
      epoch = readiness.epoch;
    }
    assert.ok(epoch > 0, 'ten hours later the kept connections are not trusted');
  });

  test(`${name}: what fails to connect throws a ConnectError with a reply, and closing is harmless`, async (t) => {
    const { transport, host } = await open(t);
    const port = await closedPort(t);
    const error = await transport.connect({ host, port }, 2_000).catch((caught: unknown) => caught);
    assert.ok(error instanceof ConnectError);
    assert.match(error.reply.code, /^upstream:/);
    assert.ok((error.reply.detail ?? '').length > 0);
    await transport.close();
    await transport.close();
  });
}

for (const [name, open] of Object.entries(ways).filter(([name]) => name !== 'direct')) {
  test(`${name}: a dial without an answer ends in the given time`, async (t) => {
    const { transport, clock } = await open(t);
    const dialed = transport.connect({ host: 'silent.test', port: 80 }, 250);
    await assert.rejects(clock.run(dialed), ConnectError);
    assert.equal(clock.monotonic(), 250);
  });
}
