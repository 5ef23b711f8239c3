import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tunnelLab } from './tunnel-lab.ts';

const minute = 60_000;

test('a tunnel that is leaving starts nothing again', async (t) => {
  const { daemon, tunnel, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.pongs = () => false;
  freeze(3 * minute);
  const curing = tunnel.ready(2_000);
  await run(tunnel.leave(300));
  await run(curing);
  assert.equal(daemon.startCount, 1);
});

test('leaving logs out first and ends tailscaled then', async (t) => {
  const { daemon, tunnel, logged, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  await run(tunnel.leave(1_000));
  assert.equal(daemon.calls.at(-1), 'POST logout');
  assert.equal(daemon.stopped, true);
  assert.ok(logged.some(({ event }) => event === 'left the tailnet'));
});

/** What hangs, and how many of the milliseconds are spent on waiting for it, before tailscaled is ended. */
const hanging = [
  [['logout'], 350],
  [['prefs'], 400],
  [['prefs', 'logout'], 750],
] as const;
for (const [paths, spentMs] of hanging) {
  test(`leaving takes no longer than it may when ${paths.join(' and ')} hang`, async (t) => {
    const { clock, daemon, tunnel, run } = tunnelLab(t);
    await run(tunnel.join(2_000));
    for (const path of paths) daemon.hung.add(path);
    tunnel.api.setRunning(false).catch(() => {});
    const before = clock.monotonic();
    await run(tunnel.leave(1_000));
    assert.equal(clock.monotonic() - before, spentMs);
    assert.equal(daemon.stopped, true);
  });
}

test('a logout that fails is logged, and tailscaled ended all the same', async (t) => {
  const { daemon, tunnel, logged, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.hung.add('logout');
  await run(tunnel.leave(500));
  assert.equal(daemon.stopped, true);
  assert.ok(logged.some(({ event }) => event === 'could not log out'));
});

test('leaving waits until a login that is on its way has been answered', async (t) => {
  for (const change of ['a renewal', 'a join'] as const) {
    const { clock, daemon, tunnel, run } = tunnelLab(t);
    await run(tunnel.join(2_000));
    await clock.advance(1);
    daemon.registrationMs = 150;
    if (change === 'a join') await tunnel.api.login();
    else {
      await tunnel.api.setRunning(false);
      await tunnel.api.setRunning(true);
    }
    await run(tunnel.leave(1_800));
    assert.equal(daemon.calls.at(-1), 'POST logout');
    assert.equal(daemon.loggedOutDuringLogin, false, `the node comes back after ${change}`);
  }
});

test('leaving ends a renewal where it stands: nothing changes the node after the logout', async (t) => {
  for (const atMs of [0, 2, 5, 10, 20, 40]) {
    const { clock, daemon, tunnel, freeze, run } = tunnelLab(t);
    await run(tunnel.join(2_000));
    const before = daemon.calls.length;
    // WireGuard is silent until its engine has been down.
    daemon.pongs = (_, type) =>
      type === 'disco' || daemon.calls.slice(before).some((call) => call.startsWith('PATCH'));
    daemon.registrationMs = 30;
    freeze(minute);
    const curing = tunnel.ready(2_000);
    await clock.advance(atMs);
    await run(tunnel.leave(1_800));
    await run(curing);
    assert.equal(daemon.calls.at(-1), 'POST logout', `after ${atMs} ms`);
    assert.equal(daemon.loggedOutDuringLogin, false, `after ${atMs} ms`);
  }
});

test('leaving does not wait for a login for ever', async (t) => {
  const { clock, daemon, tunnel, logged, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  await clock.advance(1);
  daemon.registrationMs = 20_000;
  await tunnel.api.setRunning(true);
  const before = clock.monotonic();
  await run(tunnel.leave(600));
  assert.equal(clock.monotonic() - before, 240);
  assert.ok(logged.some(({ event }) => event === 'left the tailnet'));
});
