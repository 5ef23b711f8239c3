import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { createUpstream } from '../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import type { Upstream } from '../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../support/transport.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { send } from './fixtures/call.ts';
import { silence, startProxy, type TestProxy } from './fixtures/proxy.ts';
import { startTarget } from './fixtures/server.ts';

function through(t: TestContext, proxy: TestProxy, clock: VirtualClock, connections = 256): Upstream {
  const upstream = createUpstream({
    targets: [parseTarget('http://builder.test')],
    transport: createTransport(`socks5://127.0.0.1:${proxy.port}`, { clock, tailnet: readTailnetPorts({}) }),
    timeoutMs: 10_000,
    connections,
    clock,
  });
  t.after(() => upstream.close());
  return upstream;
}

test('the time for a connection ends before the deadline of the call, so that its reason arrives', async (t) => {
  const proxy = await startProxy(t, silence);
  const clock = new VirtualClock();
  const upstream = through(t, proxy, clock);
  const before = clock.now();
  const { failed } = await clock.run(send(upstream, { deadlineMs: before + 400 }));
  assert.equal(failed?.code, 'upstream:connect-timeout');
  assert.equal(clock.now() - before, 300);
});

for (const order of [
  [200, 10_000],
  [10_000, 200],
]) {
  test(`a call of ${order.join(' ms and another of ')} ms each give up connecting in their own time`, async (t) => {
    const proxy = await startProxy(t, silence);
    const clock = new VirtualClock();
    const upstream = through(t, proxy, clock);
    const before = clock.now();
    const waits = order.map(async (ms) => {
      // For a stream undici connects only after the dispatch.
      const body = Readable.from([Buffer.from('event')]);
      const { failed } = await send(upstream, { method: 'POST', body, deadlineMs: before + ms });
      return [failed?.code, clock.now() - before];
    });
    const ended = await clock.run(Promise.all(waits));
    assert.deepEqual(
      ended,
      order.map((ms) => ['upstream:connect-timeout', ms - 100]),
    );
  });
}

test('a call that waited in the queue connects in its own time, not in that of a later call', async (t) => {
  const target = await startTarget(t, (_request, response) => {
    response.writeHead(200, { connection: 'close' }).end('hello');
  });
  let taken = 0;
  const proxy = await startProxy(t, () => {
    taken += 1;
    return taken === 1 ? { host: '127.0.0.1', port: target.port } : silence();
  });
  const clock = new VirtualClock();
  const upstream = through(t, proxy, clock, 1);
  const before = clock.now();
  const [first, short, long] = [10_000, 200, 10_000].map(async (ms) => {
    const { failed, body } = await send(upstream, { deadlineMs: before + ms });
    return [failed?.code ?? body, clock.now() - before];
  });
  const ended = await clock.run(Promise.all([first, short, long]));
  assert.deepEqual(ended, [
    ['hello', 0],
    ['upstream:connect-timeout', 100],
    ['upstream:connect-timeout', 9_900],
  ]);
});
