import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { diagnose } from '../../extension/diagnose.ts';
import { dial } from '../../extension/socks-dial.ts';
import { FakeSocks } from './fake-socks.ts';
import { peer } from './fake-tailscaled.ts';
import { type TunnelLab, tunnelLab } from './tunnel-lab.ts';

const [open, closed, dropped] = [8080, 8081, 8082];

async function lab(t: TestContext): Promise<TunnelLab & { socks: FakeSocks }> {
  const socks = await new FakeSocks({ [open]: 0, [closed]: 1, [dropped]: 'silence' }).start();
  t.after(() => socks.close());
  const tunnel = tunnelLab(t);
  await tunnel.tunnel.join(2_000);
  return { ...tunnel, socks };
}

test('a port on which nothing listens is refused', async (t) => {
  const { tunnel, socks } = await lab(t);
  const { code, detail } = await diagnose(tunnel, socks.port, { host: 'target', port: closed }, 2_000);
  assert.equal(code, 'upstream:connection-refused');
  assert.match(detail, /port 8081 of target\.tail\.test/);
  assert.deepEqual(socks.asked, [{ host: 'target', port: closed }]);
});

test('a peer that answers but whose port stays silent denies it, and that is known before the time is over', async (t) => {
  const { tunnel, socks } = await lab(t);
  const { code } = await diagnose(tunnel, socks.port, { host: 'target', port: dropped }, 600_000);
  assert.equal(code, 'upstream:target-denied');
});

test('a connection that can be made after all is only late', async (t) => {
  const { tunnel, socks } = await lab(t);
  const { code, detail } = await diagnose(tunnel, socks.port, { host: 'target', port: open }, 2_000);
  assert.equal(code, 'upstream:connect-timeout');
  assert.match(detail, /can be made now/);
});

test('what is no peer is unknown', async (t) => {
  const { tunnel, socks } = await lab(t);
  const { code } = await diagnose(tunnel, socks.port, { host: 'nobody', port: closed }, 2_000);
  assert.equal(code, 'upstream:target-unknown');
});

test('a peer that the control server calls offline is offline, and the tunnel is not to blame', async (t) => {
  const { daemon, tunnel, socks } = await lab(t);
  daemon.peers.push(peer('away', '100.64.0.7', { Online: false }));
  daemon.pongs = (ip) => ip !== '100.64.0.7';
  const { code } = await diagnose(tunnel, socks.port, { host: 'away', port: open }, 2_000);
  assert.equal(code, 'upstream:target-offline');
  assert.equal(daemon.starts.length, 1);
});

test('a peer that is silent while another one answers is offline, and the tunnel is not to blame', async (t) => {
  const { daemon, tunnel, socks } = await lab(t);
  daemon.peers.push(peer('silent', '100.64.0.7'));
  daemon.pongs = (ip) => ip !== '100.64.0.7';
  const { code } = await diagnose(tunnel, socks.port, { host: 'silent', port: open }, 2_000);
  assert.equal(code, 'upstream:target-offline');
  assert.equal(daemon.starts.length, 1);
});

test('when nobody answers the control server may have forgotten the node, so it joins anew', async (t) => {
  const { daemon, tunnel, socks } = await lab(t);
  daemon.pongs = () => daemon.starts.length > 1;
  const { code, detail } = await diagnose(tunnel, socks.port, { host: 'target', port: open }, 2_000);
  assert.equal(code, 'upstream:target-offline');
  assert.match(detail, /joins the tailnet anew/);
  assert.deepEqual(await tunnel.ready(2_000), { ready: true, epoch: 2 });
});

test('a peer that answers outside WireGuard only gets its session renewed', async (t) => {
  const { daemon, tunnel, socks } = await lab(t);
  daemon.pongs = (_, type) => type === 'disco' || daemon.calls.some((call) => call.startsWith('PATCH'));
  const { code, detail } = await diagnose(tunnel, socks.port, { host: 'target', port: dropped }, 800);
  assert.equal(code, 'upstream:connect-timeout');
  assert.match(detail, /renewed/);
  assert.deepEqual(await tunnel.ready(2_000), { ready: true, epoch: 2 });
});

test('the diagnosis comes within the time, whatever is silent', async (t) => {
  const { daemon, tunnel, socks } = await lab(t);
  daemon.pongs = () => false;
  await diagnose(tunnel, socks.port, { host: 'target', port: dropped }, 400);
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
    assert.equal(await dial(socks.port, 'fd7a:115c:a1e0::1', open, 200), outcome);
    assert.deepEqual(socks.asked, [{ host: 'fd7a:115c:a1e0::1', port: open }]);
  });
}

test('no SOCKS5 server at all means refused', async (t) => {
  const socks = await new FakeSocks({}).start();
  socks.close();
  t.after(() => socks.close());
  assert.equal(await dial(socks.port, 'target', open, 1_000), 'refused');
});
