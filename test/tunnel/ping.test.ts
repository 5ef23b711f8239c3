import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LocalApi } from '../../tunnel/localapi.ts';
import { firstPong, reach } from '../../tunnel/ping.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeTailscaled } from './fake-tailscaled.ts';

const [near, far] = ['100.64.0.1', '100.64.0.2'];

function fake(t: TestContext): { daemon: FakeTailscaled; api: LocalApi; clock: VirtualClock } {
  const clock = new VirtualClock();
  const daemon = new FakeTailscaled();
  daemon.start();
  t.after(() => daemon.remove());
  return { daemon, clock, api: new LocalApi(daemon.socket, clock) };
}

test('pings overlap: one that is lost is not waited for', async (t) => {
  const { daemon, api, clock } = fake(t);
  // The first three are never answered, and no time is given in which they could be given up.
  daemon.pongs = () => daemon.pings.length > 3;
  assert.equal(await clock.run(firstPong(api, [near], 60_000)), near);
});

test('the first address that answers is given', async (t) => {
  const { daemon, api, clock } = fake(t);
  daemon.pongs = (ip) => ip === far;
  assert.equal(await clock.run(firstPong(api, [near, far], 1_000)), far);
});

test('silence ends with the time', async (t) => {
  const { daemon, api, clock } = fake(t);
  daemon.pongs = () => false;
  assert.equal(await clock.run(firstPong(api, [near], 200)), undefined);
  assert.equal(clock.monotonic(), 200);
  assert.equal(clock.sleepers, 0, 'nothing is sent afterwards');
});

test('without a peer to ping the result is nothing at once', async (t) => {
  const { api } = fake(t);
  assert.equal(await firstPong(api, [], 10_000), undefined);
  assert.equal(await reach(api, [], 10_000, 100), 'nothing');
});

const reached = [
  ['session', 'both pings are answered', () => true],
  ['path', 'WireGuard is silent', (_: string, type: string) => type === 'disco'],
  ['nothing', 'nothing is answered', () => false],
  ['session', 'one of two is there', (ip: string) => ip === far],
] as const;

for (const [result, when, pongs] of reached) {
  test(`${result} is reached when ${when}`, async (t) => {
    const { daemon, api, clock } = fake(t);
    daemon.pongs = pongs;
    assert.equal(await clock.run(reach(api, [near, far], 600, 100)), result);
  });
}

test('a LocalAPI that is gone is silence, not an error', async (t) => {
  const { daemon, api, clock } = fake(t);
  daemon.crash('gone');
  assert.equal(await clock.run(reach(api, [near], 100, 50)), 'nothing');
});
