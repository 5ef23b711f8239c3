import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../tunnel/localapi.ts';
import { type FakeTailscaled, peer } from './fake-tailscaled.ts';
import { tunnelLab } from './tunnel-lab.ts';

const minute = 60_000;

test('a join gives tailscaled the key and shields it, then proves that a target answers through WireGuard', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t, { tags: ['tag:postern'] });
  await run(tunnel.join(2_000));
  assert.deepEqual(await run(tunnel.ready(100)), { ready: true, epoch: 1 });
  assert.equal(daemon.starts[0]?.AuthKey, 'tskey-auth-first');
  assert.deepEqual(daemon.starts[0]?.UpdatePrefs, {
    ControlURL: 'https://control.example',
    WantRunning: true,
    Hostname: 'fn',
    ShieldsUp: true,
    CorpDNS: false,
    RouteAll: true,
    AdvertiseTags: ['tag:postern'],
  });
  assert.deepEqual([...new Set(daemon.pings)], ['disco 100.64.0.1', 'TSMP 100.64.0.1']);
});

test('a lost handshake is cured by taking the engine down and up, not waited for', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t);
  let renewed = false;
  daemon.pongs = (_, type) => type === 'disco' || renewed;
  const tell = daemon.tell.bind(daemon);
  daemon.tell = (...notifies) => {
    renewed ||= notifies.some((notify) => notify.State === State.stopped);
    tell(...notifies);
  };
  await run(tunnel.join(2_000));
  assert.deepEqual(await run(tunnel.ready(100)), { ready: true, epoch: 1 });
  assert.ok(renewed);
});

const refusals = [
  ['the key expired', { ErrMessage: 'authkey expired' }, 'tunnel:key-expired'],
  [
    'the tags are refused',
    { ErrMessage: 'requested tags [tag:x] are invalid or not permitted' },
    'tunnel:tags-refused',
  ],
  ['an administrator must approve it', { State: State.needsApproval }, 'tunnel:approval-needed'],
  ['a person should log in', { BrowseToURL: 'https://login.example/a/b' }, 'tunnel:key-invalid'],
] as const;

for (const [why, notify, code] of refusals) {
  test(`a join fails at once with ${code} when ${why}`, async (t) => {
    const { daemon, tunnel, run } = tunnelLab(t);
    daemon.onLogin = () => [notify];
    await assert.rejects(run(tunnel.join(600_000)), { code });
  });
}

test("a join without an answer fails at its own deadline, with tailscaled's last log lines", async (t) => {
  const { clock, daemon, tunnel, run } = tunnelLab(t);
  daemon.onLogin = () => [];
  daemon.controlError = 'dial tcp 192.0.2.1:443: i/o timeout';
  await assert.rejects(run(tunnel.join(8_000)), {
    code: 'tunnel:control-unreachable',
    message:
      /No answer from https:\/\/control\.example \(dial tcp 192\.0\.2\.1:443: i\/o timeout\).*Check the way out/,
  });
  assert.equal(clock.monotonic(), 8_000);
});

for (const path of ['watch-ipn-bus', 'start', 'login-interactive']) {
  test(`a join to which tailscaled never answers ${path} fails within its time`, async (t) => {
    const { clock, daemon, tunnel, run } = tunnelLab(t);
    daemon.hung.add(path);
    await assert.rejects(run(tunnel.join(8_000)), { code: 'tunnel:daemon-failed' });
    assert.ok(clock.monotonic() <= 8_000, `${clock.monotonic()} ms`);
  });
}

test('a certificate of an unknown authority ends the join before the deadline', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t);
  daemon.onLogin = () => {
    setImmediate(() => daemon.onControlError('x509: certificate signed by unknown authority'));
    return [];
  };
  await assert.rejects(run(tunnel.join(600_000)), { code: 'tunnel:control-unreachable', message: /x509/ });
});

test('a tailscaled that ends during the first join fails it with its last words', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t);
  daemon.lines.push('SOCKS5 listener: listen tcp 127.0.0.1:1055: bind: address already in use');
  daemon.onLogin = () => {
    setImmediate(() => daemon.crash('it ended with status 1'));
    return [];
  };
  await assert.rejects(run(tunnel.join(5_000)), {
    code: 'tunnel:daemon-failed',
    message: /status 1.*already in use/,
  });
});

test('a target that does not answer is not a failure of init: the tunnel says so and finds it when it comes', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t);
  daemon.pongs = () => false;
  await run(tunnel.join(500));
  const refused = await run(tunnel.ready(2_000));
  assert.ok(!refused.ready);
  assert.equal(refused.code, 'tunnel:target-unreachable');
  assert.match(refused.detail, /^target \(the targets\): no answer/);
  daemon.pongs = () => true;
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 1 });
});

test('a target that is not a peer is named as such', async (t) => {
  const { tunnel, run } = tunnelLab(t, { targets: ['elsewhere'] });
  await run(tunnel.join(300));
  const refused = await run(tunnel.ready(2_000));
  assert.match(refused.ready ? '' : refused.detail, /no peer with the name elsewhere/);
});

test('without targets a peer that is online and silent is enough, and none is not', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t, { targets: [] });
  daemon.pongs = () => false;
  await run(tunnel.join(300));
  assert.equal((await run(tunnel.ready(2_000))).ready, true);

  const lonely = tunnelLab(t, { targets: [] });
  lonely.daemon.peers = [peer('off', '100.64.0.9', { Online: false })];
  await lonely.run(lonely.tunnel.join(300));
  const refused = await lonely.run(lonely.tunnel.ready(2_000));
  assert.match(refused.ready ? '' : refused.detail, /no online peer/);
});

test('after a freeze the first one to ask gets the answer only when the sessions are renewed', async (t) => {
  const { daemon, tunnel, freeze, logged, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.calls.length = 0;
  silentInside(daemon);
  freeze(3 * minute);
  // At once: the tunnel's own timer has not fired since.
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
  assert.deepEqual(
    daemon.calls.filter((call) => call.startsWith('PATCH')),
    [
      'PATCH prefs {"WantRunning":false,"WantRunningSet":true}',
      'PATCH prefs {"WantRunning":true,"WantRunningSet":true}',
    ],
  );
  assert.ok(
    logged.some(({ event, fields }) => event === 'resumed' && Number(fields.suspendedMs) >= 3 * minute),
  );
});

test('after a freeze sessions that still live are left alone, and connections with them', async (t) => {
  const { daemon, tunnel, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.pings.length = 0;
  freeze(3 * minute);
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 1 });
  assert.ok(daemon.pings.includes('TSMP 100.64.0.1'), 'that was asked');
});

test('after a short freeze nothing needs curing', async (t) => {
  const { daemon, tunnel, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.calls.length = 0;
  freeze(40_000);
  assert.deepEqual(await run(tunnel.ready(100)), { ready: true, epoch: 1 });
  assert.deepEqual(daemon.calls, []);
});

test('the timer notices a freeze too, without a request', async (t) => {
  const { daemon, tunnel, freeze, run, until } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.calls.length = 0;
  silentInside(daemon);
  freeze(3 * minute);
  await until(() => daemon.calls.some((call) => call.startsWith('PATCH')));
});

test('when no peer answers after a freeze the node joins again with the key it kept', async (t) => {
  const lab = tunnelLab(t);
  await lab.run(lab.tunnel.join(2_000));
  lab.daemon.pongs = () => lab.daemon.starts.length === 2;
  lab.freeze(3 * minute);
  assert.deepEqual(await lab.run(lab.tunnel.ready(3_000)), { ready: true, epoch: 2 });
  assert.equal(lab.keyReads, 1);
});

test('a freeze in the midst of a join is cured after it', async (t) => {
  const { clock, daemon, tunnel, freeze, run } = tunnelLab(t);
  daemon.onLogin = () => {
    freeze(3 * minute);
    clock.sleep(1_200).then(() => daemon.tell({ State: State.running }));
    return [];
  };
  await run(tunnel.join(3_000));
  assert.deepEqual(await run(tunnel.ready(100)), { ready: true, epoch: 1 });
});

test('a key that was rotated since is read again when the kept one is refused', async (t) => {
  const lab = tunnelLab(t);
  lab.keys = ['tskey-auth-first', 'tskey-auth-second'];
  await lab.run(lab.tunnel.join(2_000));
  lab.daemon.onLogin = (key) =>
    key === 'tskey-auth-second' ? [{ SelfChange: {} }] : [{ ErrMessage: 'authkey expired' }];
  lab.daemon.tell({ State: State.needsLogin });
  await lab.until(() => lab.daemon.starts.length === 3);
  assert.deepEqual(await lab.run(lab.tunnel.ready(2_000)), { ready: true, epoch: 2 });
  assert.deepEqual(
    lab.daemon.starts.map((start) => start.AuthKey),
    ['tskey-auth-first', 'tskey-auth-first', 'tskey-auth-second'],
  );
});

test('a kept key that is refused and is still the secret is not tried twice', async (t) => {
  const lab = tunnelLab(t);
  await lab.run(lab.tunnel.join(2_000));
  lab.daemon.onLogin = () => [{ ErrMessage: 'authkey expired' }];
  lab.daemon.tell({ State: State.needsLogin });
  await lab.until(() => lab.keyReads === 2);
  const refused = await lab.run(lab.tunnel.ready(1_000));
  assert.equal(refused.ready ? '' : refused.code, 'tunnel:key-expired');
  assert.equal(lab.daemon.starts.length, 2);
});

test('a tailscaled that ends is started again, and connections made before are told dead', async (t) => {
  const { daemon, tunnel, logged, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.crash('it ended with SIGKILL');
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
  assert.equal(daemon.startCount, 2);
  assert.ok(logged.some(({ event }) => event === 'tailscaled ended'));
});

test('a node that joins again is not taken for running by what tailscaled knew of the old one', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.onStart = () => [{ State: State.starting }, { State: State.running }];
  daemon.onLogin = () => [{ ErrMessage: 'authkey expired' }];
  assert.equal(tunnel.suspect(), true);
  const refused = await run(tunnel.ready(1_000));
  assert.equal(refused.ready ? '' : refused.code, 'tunnel:key-expired');
});

test('a node that joins again is in the tailnet when it has changed, though its state has not', async (t) => {
  const { daemon, tunnel, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.onStart = () => [{ State: State.starting }, { State: State.running }];
  daemon.onLogin = () => [{ SelfChange: {} }];
  assert.equal(tunnel.suspect(), true);
  assert.deepEqual(await run(tunnel.ready(60_000)), { ready: true, epoch: 2 });
});

test('with single-use keys, every join uses a new one, and no tags besides those of the key', async (t) => {
  const all = tunnelLab(t, { tags: ['tag:postern'] }, true);
  const { daemon, tunnel, freeze, run } = all;
  all.keys = ['tskey-auth-1', 'tskey-auth-2', 'tskey-auth-3', 'tskey-auth-4'];
  await run(tunnel.join(2_000));
  tunnel.suspect();
  await run(tunnel.ready(2_000));
  daemon.crash('killed');
  await run(tunnel.ready(2_000));
  freeze(31_000);
  tunnel.suspect();
  assert.equal((await run(tunnel.ready(2_000))).ready, true);
  assert.deepEqual(
    daemon.starts.map((start) => start.AuthKey),
    ['tskey-auth-1', 'tskey-auth-2', 'tskey-auth-3', 'tskey-auth-4'],
  );
  assert.ok(daemon.starts.every((start) => !('AdvertiseTags' in start.UpdatePrefs)));
});

test('a key for one join that was refused is not tried again at once', async (t) => {
  const all = tunnelLab(t, {}, true);
  all.daemon.onLogin = () => [{ ErrMessage: 'authkey already used' }];
  await assert.rejects(all.run(all.tunnel.join(2_000)), { code: 'tunnel:key-used' });
  assert.equal(all.keyReads, 1);
});

test('a node that the control server forgot joins again', async (t) => {
  const { daemon, tunnel, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.onForgotten();
  assert.equal(daemon.starts.length, 1, 'just after a join it is the echo of the time before');
  freeze(10_000);
  daemon.onForgotten();
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
});

test('a suspicion leads to a join, and another one right after does not', async (t) => {
  const { daemon, tunnel, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  assert.equal(tunnel.suspect(), true);
  await run(tunnel.ready(2_000));
  assert.equal(tunnel.suspect(), false);
  freeze(31_000);
  assert.equal(tunnel.suspect(), true);
  await run(tunnel.ready(2_000));
  assert.equal(daemon.starts.length, 3);
});

test('a target that falls silent is noticed without any request, and found again', async (t) => {
  const { daemon, tunnel, freeze, run, until } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.pongs = () => daemon.starts.length > 1;
  freeze(11_000);
  // One ping goes unanswered for 2 s before the node is joined again.
  await until(() => daemon.starts.length === 2);
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
});

test('a bus that ends or talks nonsense is opened again', async (t) => {
  const { daemon, tunnel, run, until } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.tellRaw('no json\n');
  await until(() => daemon.calls.filter((call) => call.includes('watch-ipn-bus')).length === 2);
  // The new bus tells first that a login is needed, and the tunnel believes it.
  await until(() => daemon.starts.length === 2);
  assert.equal((await run(tunnel.ready(2_000))).ready, true);
});

test('while a join is under way the answer comes within the time that the caller has', async (t) => {
  const { clock, daemon, tunnel, run } = tunnelLab(t);
  daemon.onLogin = () => [];
  const joining = tunnel.join(600_000);
  joining.catch(() => {});
  const refused = await run(tunnel.ready(100));
  assert.equal(clock.monotonic(), 100);
  assert.equal(refused.ready ? '' : refused.code, 'tunnel:joining');
  daemon.crash('it is the end of the test');
  await assert.rejects(joining);
});

test('a tailscaled that lives and does not answer is ended, started again and joined', async (t) => {
  const { daemon, tunnel, logged, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.hung.add('status');
  const start = daemon.start.bind(daemon);
  daemon.start = () => {
    daemon.hung.clear();
    start();
  };
  // Seconds of being awake, without waiting for them.
  for (let seconds = 0; daemon.destroyed === 0 && seconds < 12; seconds += 1) {
    freeze(1_000);
    await run(tunnel.ready(1));
  }
  assert.equal(daemon.destroyed, 1);
  assert.deepEqual(await run(tunnel.ready(2_000)), { ready: true, epoch: 2 });
  assert.equal(daemon.startCount, 2);
  assert.ok(logged.some(({ event }) => event === 'tailscaled does not answer'));
});

test('a tailscaled that does not answer during a freeze is left alone', async (t) => {
  const { daemon, tunnel, freeze, run } = tunnelLab(t);
  await run(tunnel.join(2_000));
  daemon.hung.add('status');
  for (let freezes = 0; freezes < 20; freezes += 1) {
    freeze(freezes % 2 === 0 ? 3_000 : 40_000);
    await run(tunnel.ready(1));
  }
  assert.equal(daemon.destroyed, 0);
});

/** From now on WireGuard is silent, until the engine has been down. */
function silentInside(daemon: FakeTailscaled): void {
  const before = daemon.calls.length;
  daemon.pongs = (_, type) =>
    type === 'disco' || daemon.calls.slice(before).some((call) => call.startsWith('PATCH'));
}
