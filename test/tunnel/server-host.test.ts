import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../tunnel/localapi.ts';
import { tunnelLab } from './tunnel-lab.ts';

// What a host needs that lives long: a node that is the same after a restart, and a first join that is tried again.

test('a node that stays in the tailnet takes up its place without reading a key', async (t) => {
  const lab = tunnelLab(t, { staysInTailnet: true });
  lab.daemon.onStart = () => [{ State: State.starting }, { State: State.running }];
  await lab.run(lab.tunnel.join(2_000));
  assert.equal(lab.keyReads, 0);
  assert.equal(lab.daemon.starts.length, 1);
  assert.ok(!('AuthKey' in (lab.daemon.starts[0] ?? {})));
  assert.ok(!lab.daemon.calls.includes('POST login-interactive'));
});

test('a node that stays in the tailnet and has no place there joins with the key', async (t) => {
  const asked = [[{ State: State.needsLogin }], [{ BrowseToURL: 'https://control.example/register/1' }]];
  for (const told of asked) {
    const lab = tunnelLab(t, { staysInTailnet: true });
    lab.daemon.onStart = () => (lab.daemon.starts.length === 1 ? told : []);
    await lab.run(lab.tunnel.join(2_000));
    assert.deepEqual(
      lab.daemon.starts.map((start) => start.AuthKey),
      [undefined, 'tskey-auth-first'],
    );
    assert.equal((await lab.run(lab.tunnel.ready(100))).ready, true);
  }
});

test('a node that stays in the tailnet needs no key when tailscaled has ended or no peer answers', async (t) => {
  const lab = tunnelLab(t, { staysInTailnet: true });
  lab.daemon.state = State.running;
  lab.daemon.onStart = () => [{ State: State.running }, { SelfChange: {} }];
  await lab.run(lab.tunnel.join(2_000));
  lab.daemon.crash('it ended with SIGKILL');
  assert.deepEqual(await lab.run(lab.tunnel.ready(2_000)), { ready: true, epoch: 2 });
  lab.freeze(31_000);
  assert.equal(lab.tunnel.suspect(), true);
  assert.deepEqual(await lab.run(lab.tunnel.ready(2_000)), { ready: true, epoch: 3 });
  assert.equal(lab.keyReads, 0);
});

test('a node that stays in the tailnet says that the control server does not answer when its place is not told', async (t) => {
  const lab = tunnelLab(t, { staysInTailnet: true });
  lab.daemon.controlError = 'connection refused';
  await assert.rejects(lab.run(lab.tunnel.join(500)), { code: 'tunnel:control-unreachable' });
  assert.equal(lab.keyReads, 0);
});

test('a first join that may be tried again is, until it succeeds', async (t) => {
  const lab = tunnelLab(t);
  lab.daemon.onLogin = () =>
    lab.daemon.starts.length < 4 ? [{ ErrMessage: 'authkey expired' }] : [{ State: State.running }];
  lab.tunnel.start();
  await lab.until(() => lab.daemon.starts.length === 4);
  assert.equal((await lab.run(lab.tunnel.ready(2_000))).ready, true);
});

test('a first join that must not fail is not tried again', async (t) => {
  const lab = tunnelLab(t);
  lab.daemon.onLogin = () => [{ ErrMessage: 'authkey expired' }];
  await assert.rejects(lab.run(lab.tunnel.join(2_000)));
  await lab.clock.advance(60_000);
  assert.equal(lab.daemon.starts.length, 1);
});

test('a node that stays in the tailnet is not logged out when the tunnel leaves, and tailscaled ends all the same', async (t) => {
  const lab = tunnelLab(t, { staysInTailnet: true });
  lab.daemon.onStart = () => [{ State: State.running }];
  await lab.run(lab.tunnel.join(2_000));
  await lab.run(lab.tunnel.leave(1_000));
  assert.equal(lab.daemon.stopped, true);
  assert.ok(!lab.daemon.calls.includes('POST logout'));
});
