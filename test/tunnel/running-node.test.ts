import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { State } from '../../tunnel/localapi.ts';
import { RunningNode } from '../../tunnel/running-node.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeTailscaled } from './fake-tailscaled.ts';
import { listen } from './listen.ts';

/** A node over a tailscaled that is in this state; undefined is one that is not there yet. */
function nodeOver(t: TestContext, state: number | undefined) {
  const clock = new VirtualClock();
  const daemon = new FakeTailscaled(clock);
  if (state !== undefined) {
    daemon.state = state;
    daemon.start();
  }
  const logged: string[] = [];
  const record = (event: string, fields: Readonly<Record<string, unknown>> = {}) =>
    void logged.push([event, fields.code].filter(Boolean).join(' '));
  const node = new RunningNode(daemon.socket, { info: record, warn: record, error: record }, clock);
  node.start();
  t.after(async () => {
    await node.close();
    daemon.remove();
  });
  const run = <T>(work: T | Promise<T>): Promise<T> => clock.run(Promise.resolve(work));
  return { clock, daemon, node, logged, run };
}

test('a tailscaled that runs is ready, and that is known from then on without asking', async (t) => {
  const { node, run } = nodeOver(t, State.running);
  assert.deepEqual(await run(node.ready(1_000)), { ready: true, epoch: 1 });
  assert.deepEqual(node.ready(1_000), { ready: true, epoch: 1 });
});

for (const [name, state, code] of [
  ['is not logged in', State.needsLogin, 'tunnel:logged-out'],
  ['is down', State.stopped, 'tunnel:logged-out'],
  ['waits for approval', State.needsApproval, 'tunnel:approval-needed'],
] as const)
  test(`a tailscaled that ${name} is ${code}, at once`, async (t) => {
    const { clock, node, logged, run } = nodeOver(t, state);
    const readiness = await run(node.ready(1_000));
    assert.equal(readiness.ready ? '' : readiness.code, code);
    assert.equal(clock.monotonic(), 0);
    assert.deepEqual(logged, [`tunnel not ready ${code}`]);
  });

test('a tailscaled that starts is waited for, and the reason comes before the time is over', async (t) => {
  const { clock, daemon, node, run } = nodeOver(t, State.starting);
  const late = await run(node.ready(1_000));
  assert.deepEqual([late.ready ? '' : late.code, clock.monotonic()], ['tunnel:joining', 900]);
  const asked = node.ready(1_000);
  daemon.tell({ State: State.running });
  assert.deepEqual(await run(asked), { ready: true, epoch: 1 });
});

test('a tailscaled that ends and comes back is ready again, with another epoch', async (t) => {
  const { daemon, node, logged, run } = nodeOver(t, State.running);
  await run(node.ready(1_000));
  daemon.crash('killed');
  await run(comes(async () => node.ready(0) instanceof Promise));
  const down = await run(node.ready(10_000));
  assert.equal(down.ready ? '' : down.code, 'tunnel:daemon-failed');
  daemon.start();
  await run(comes(async () => (await node.ready(1_000)).ready));
  assert.equal(node.epoch, 2);
  assert.deepEqual(logged, ['tunnel ready', 'tunnel not ready tunnel:daemon-failed', 'tunnel ready']);
});

test('one that is not there is waited for until the end', async (t) => {
  const { clock, node, daemon, run } = nodeOver(t, undefined);
  const readiness = await run(node.ready(10_000));
  assert.equal(readiness.ready ? '' : readiness.code, 'tunnel:daemon-failed');
  assert.ok(clock.monotonic() <= 3_000, `${clock.monotonic()}`);
  daemon.state = State.running;
  daemon.start();
  await run(comes(async () => (await node.ready(1_000)).ready));
});

test('connections go through it, and nothing of it is ever changed', async (t) => {
  const { daemon, node, run } = nodeOver(t, State.running);
  await run(node.ready(1_000));
  const server = createServer((socket) => socket.end());
  t.after(() => server.close());
  const port = await listen(server);
  daemon.dials = () => port;
  (await run(node.dial({ host: 'target', port: 1 }, 1_000))).destroy();
  // WireGuard is silent, and then every peer: what the owner of a node would repair.
  daemon.dials = () => 'silence';
  daemon.pongs = (_, type) => type === 'disco';
  const stale = await run(node.diagnose({ host: 'target', port: 1 }, 1_000));
  assert.deepEqual(
    [stale.code, /try again in a few seconds/.test(stale.detail)],
    ['upstream:connect-timeout', true],
  );
  daemon.pongs = () => false;
  assert.equal(
    (await run(node.diagnose({ host: 'target', port: 1 }, 1_000))).code,
    'upstream:target-offline',
  );
  const changes = daemon.calls.filter((call) => !/^(?:GET (?:status|watch-ipn-bus)|POST dial)\b/.test(call));
  assert.deepEqual(changes, []);
});

async function comes(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await turn();
}
