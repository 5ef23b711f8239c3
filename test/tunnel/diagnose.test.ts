import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dialSocks } from '../../base/socks5/dial.ts';
import { diagnose } from '../../tunnel/diagnose.ts';
import { type Dial, tryDial } from '../../tunnel/dial-outcome.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeSocks } from './fake-socks.ts';
import { type FakeTailscaled, peer } from './fake-tailscaled.ts';
import { type TunnelLab, tunnelLab } from './tunnel-lab.ts';

const [open, closed, dropped] = [8080, 8081, 8082];

async function lab(t: TestContext): Promise<TunnelLab & { socks: FakeSocks }> {
  const socks = await new FakeSocks({ [open]: 0, [closed]: 1, [dropped]: 'silence' }).start();
  t.after(() => socks.close());
  const tunnel = tunnelLab(t);
  await tunnel.run(tunnel.tunnel.join(2_000));
  return { ...tunnel, socks };
}

function through({ port }: FakeSocks, clock: VirtualClock): Dial {
  return (target, withinMs) => dialSocks({ host: '127.0.0.1', port }, target, withinMs, clock);
}

test('a port on which nothing listens is refused', async (t) => {
  const { clock, tunnel, socks, run } = await lab(t);
  const { code, detail } = await run(
    diagnose(tunnel, through(socks, clock), { host: 'target', port: closed }, 2_000),
  );
  assert.equal(code, 'upstream:connection-refused');
  assert.match(detail, /port 8081 of target\.tail\.test/);
  assert.deepEqual(socks.asked, [{ host: 'target', port: closed }]);
});

test('a peer that answers but whose port stays silent denies it, and that is known before the time is over', async (t) => {
  const { clock, tunnel, socks, run } = await lab(t);
  const before = clock.monotonic();
  const { code } = await run(
    diagnose(tunnel, through(socks, clock), { host: 'target', port: dropped }, 2_000),
  );
  assert.equal(code, 'upstream:target-denied');
  assert.equal(clock.monotonic() - before, 500);
});

test('a connection that can be made after all is only late', async (t) => {
  const { clock, tunnel, socks, run } = await lab(t);
  const { code, detail } = await run(
    diagnose(tunnel, through(socks, clock), { host: 'target', port: open }, 2_000),
  );
  assert.equal(code, 'upstream:connect-timeout');
  assert.match(detail, /can be made now/);
});

test('a host that is not a peer is unknown', async (t) => {
  const { clock, tunnel, socks, run } = await lab(t);
  const { code } = await run(
    diagnose(tunnel, through(socks, clock), { host: 'nobody', port: closed }, 2_000),
  );
  assert.equal(code, 'upstream:target-unknown');
});

test('a peer that the control server calls offline is offline, and the tunnel is not to blame', async (t) => {
  const { clock, daemon, tunnel, socks, run } = await lab(t);
  daemon.peers.push(peer('away', '100.64.0.7', { Online: false }));
  daemon.pongs = (ip) => ip !== '100.64.0.7';
  const { code } = await run(diagnose(tunnel, through(socks, clock), { host: 'away', port: open }, 2_000));
  assert.equal(code, 'upstream:target-offline');
  assert.equal(daemon.starts.length, 1);
});

test('a peer that is silent while another one answers is offline, and the tunnel is not to blame', async (t) => {
  const { clock, daemon, tunnel, socks, run } = await lab(t);
  daemon.peers.push(peer('silent', '100.64.0.7'));
  daemon.pongs = (ip) => ip !== '100.64.0.7';
  const { code } = await run(diagnose(tunnel, through(socks, clock), { host: 'silent', port: open }, 2_000));
  assert.equal(code, 'upstream:target-offline');
  assert.equal(daemon.starts.length, 1);
});

test('when no peer answers the control server may have forgotten the node, so it joins again', async (t) => {
  const { clock, daemon, tunnel, socks, run } = await lab(t);
  daemon.pongs = () => daemon.starts.length > 1;
  const { code, detail } = await run(
    diagnose(tunnel, through(socks, clock), { host: 'target', port: open }, 2_000),
  );
  assert.equal(code, 'upstream:target-offline');
  assert.match(detail, /joins the tailnet again/);
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
});

test('a peer that answers outside WireGuard only gets its session renewed', async (t) => {
  const { clock, daemon, tunnel, socks, run } = await lab(t);
  daemon.pongs = (_, type) => type === 'disco' || daemon.calls.some((call) => call.startsWith('PATCH'));
  const { code, detail } = await run(
    diagnose(tunnel, through(socks, clock), { host: 'target', port: dropped }, 800),
  );
  assert.equal(code, 'upstream:connect-timeout');
  assert.match(detail, /renewed/);
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
});

test('the diagnosis comes within the time, whatever is silent', async (t) => {
  const silences: Readonly<Record<string, FakeTailscaled['pongs']>> = {
    'the port': () => true,
    WireGuard: (_, type) => type === 'disco',
    'the peer': () => false,
  };
  for (const [what, pongs] of Object.entries(silences)) {
    for (const withinMs of [100, 400, 3_000]) {
      const { clock, daemon, tunnel, socks, run } = await lab(t);
      daemon.pongs = pongs;
      const before = clock.monotonic();
      await run(diagnose(tunnel, through(socks, clock), { host: 'target', port: dropped }, withinMs));
      const tookMs = clock.monotonic() - before;
      assert.ok(tookMs <= withinMs, `${tookMs} ms for ${withinMs} ms when ${what} is silent`);
    }
  }
});

const dials = [
  ['connected', 0],
  ['connected', 'trickle'],
  ['refused', 1],
  ['refused', 'hang up'],
  ['timeout', 'silence'],
] as const;

for (const [outcome, reply] of dials) {
  test(`a SOCKS5 server that answers ${reply} means ${outcome}`, async (t) => {
    const socks = await new FakeSocks({ [open]: reply }).start();
    t.after(() => socks.close());
    const clock = new VirtualClock();
    const target = { host: 'target', port: open };
    assert.equal(await clock.run(tryDial(through(socks, clock), target, 200)), outcome);
    assert.deepEqual(socks.asked, [target]);
    assert.equal(clock.monotonic(), outcome === 'timeout' ? 200 : 0);
  });
}

test('no SOCKS5 server at all means refused', async (t) => {
  const socks = await new FakeSocks({}).start();
  socks.close();
  t.after(() => socks.close());
  assert.equal(
    await tryDial(through(socks, new VirtualClock()), { host: 'target', port: open }, 1_000),
    'refused',
  );
});
