import assert from 'node:assert/strict';
import http from 'node:http';
import test, { type TestContext } from 'node:test';
import { TunnelEndpoint } from '../../../../gateway/upstream/tailnet/endpoint.ts';
import { TunnelReadiness } from '../../../../gateway/upstream/tailnet/readiness.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { type FakeOwner, notReady, ready, startOwner } from '../fixtures/endpoint.ts';
import { closedPort, start, until } from '../fixtures/server.ts';

async function watched(
  t: TestContext,
): Promise<{ owner: FakeOwner; clock: VirtualClock; readiness: TunnelReadiness }> {
  const owner = await startOwner(t);
  return { owner, ...asking(owner.port) };
}

function asking(port: number): { clock: VirtualClock; readiness: TunnelReadiness } {
  const clock = new VirtualClock();
  return { clock, readiness: new TunnelReadiness(new TunnelEndpoint(port, clock), clock) };
}

/** Lets the time pass that the answer takes, and gives both. */
async function timed<T>(clock: VirtualClock, work: T | Promise<T>): Promise<{ value: T; ms: number }> {
  const before = clock.monotonic();
  const value = await clock.run(Promise.resolve(work));
  return { value, ms: clock.monotonic() - before };
}

test('the first call asks and waits, the next answers at once without asking', async (t) => {
  const { owner, clock, readiness } = await watched(t);
  owner.answer = async () => {
    await clock.sleep(80);
    return ready();
  };
  const first = readiness.ready(1_000);
  assert.ok(first instanceof Promise);
  const { value, ms } = await timed(clock, first);
  assert.equal(value.ready, true);
  assert.equal(ms, 80);
  const second = readiness.ready(1_000);
  assert.ok(!(second instanceof Promise));
  assert.deepEqual(second, value);
  assert.equal(owner.asked.length, 1);
  assert.match(owner.asked[0] as string, /^\/ready\?within=[0-9]{3}$/);
});

const pauses: readonly (readonly [pausedMs: number, raises: boolean, asks: boolean])[] = [
  [0, false, false],
  [3_900, false, false],
  [5_000, true, false],
  [40_000, true, false],
  [46_000, true, true],
  [3_600_000, true, true],
  [-60_000, true, true],
];
for (const [pausedMs, raises, asks] of pauses) {
  test(`after ${pausedMs} ms the epoch ${raises ? 'rises' : 'stays'} and the owner is ${asks ? '' : 'not '}asked`, async (t) => {
    const { owner, clock, readiness } = await watched(t);
    const before = await readiness.ready(1_000);
    clock.freeze(pausedMs);
    const after = readiness.ready(1_000);
    assert.equal(after instanceof Promise, asks);
    const later = await after;
    assert.equal(owner.asked.length, asks ? 2 : 1);
    assert.ok(before.ready && later.ready);
    assert.equal(later.epoch > before.epoch, raises);
  });
}

test('after a long pause all who ask wait for the one answer, and none goes on before it', async (t) => {
  const { owner, clock, readiness } = await watched(t);
  await readiness.ready(1_000);
  clock.freeze(100_000);
  let cured = () => {};
  owner.answer = () =>
    new Promise((resolve) => {
      cured = () => resolve(ready(2));
    });
  const asked = [readiness.ready(2_000), readiness.ready(2_000), readiness.ready(2_000)];
  assert.ok(asked.every((one) => one instanceof Promise));
  await until(() => owner.asked.length === 2);
  cured();
  const answers = await Promise.all(asked);
  assert.equal(owner.asked.length, 2);
  assert.equal(new Set(answers.map((answer) => answer.ready && answer.epoch)).size, 1);
});

test("when the owner's epoch changes, up or down, so does the one given here, upwards", async (t) => {
  const { owner, readiness } = await watched(t);
  const epochs: number[] = [];
  for (const epoch of [5, 5, 6, 6, 1]) {
    owner.answer = () => ready(epoch);
    const answer = await readiness.ask(1_000);
    epochs.push(answer.ready ? answer.epoch : -1);
  }
  assert.deepEqual(epochs, [0, 0, 1, 1, 2]);
});

test('as long as the tunnel is not ready each call asks and gets the reason', async (t) => {
  const { owner, readiness } = await watched(t);
  owner.answer = () => notReady('tunnel:key-expired', 'Store a new key.');
  for (let call = 0; call < 2; call += 1) {
    assert.deepEqual(await readiness.ready(1_000), {
      ready: false,
      code: 'tunnel:key-expired',
      detail: 'Store a new key.',
      epoch: 0,
    });
  }
  assert.equal(owner.asked.length, 2);
  owner.answer = () => ready();
  assert.equal((await readiness.ready(1_000)).ready, true);
  assert.ok(!(readiness.ready(1_000) instanceof Promise));
});

for (const withinMs of [20, 150, 600]) {
  test(`an owner that never answers is not waited for longer than the ${withinMs} ms given`, async (t) => {
    const { owner, clock, readiness } = await watched(t);
    owner.answer = () => new Promise(() => {});
    const { value, ms } = await timed(clock, readiness.ready(withinMs));
    assert.ok(!value.ready && value.code === 'tunnel:not-answering');
    // A tenth is kept back, 200 ms at most, so that the reason arrives before the deadline.
    assert.equal(ms, withinMs - withinMs / 10);
  });
}

test('the owner is given less time than there is, so that its reason arrives', async (t) => {
  const { owner, clock, readiness } = await watched(t);
  owner.answer = async () => {
    const within = Number(new URL(owner.asked.at(-1) as string, 'http://x').searchParams.get('within'));
    await clock.sleep(within);
    return notReady('tunnel:control-unreachable', 'No answer from the control server.');
  };
  const { value, ms } = await timed(clock, readiness.ready(500));
  assert.ok(!value.ready && value.code === 'tunnel:control-unreachable');
  assert.ok(ms > 300 && ms < 450, `${ms} ms`);
});

test('at a cold start the owner may begin to listen later than the function asks', async (t) => {
  const port = await closedPort(t);
  const { clock, readiness } = asking(port);
  const asked = readiness.ready(2_500);
  await clock.advance(150);
  await startOwner(t, port);
  const { value, ms } = await timed(clock, asked);
  assert.equal(value.ready, true);
  assert.ok(ms <= 20, `${ms} ms after it began to listen`);
});

test('if the port is closed the wait ends after 3 s, and later calls do not wait', async (t) => {
  const port = await closedPort(t);
  const { clock, readiness } = asking(port);
  const first = await timed(clock, readiness.ready(10_000));
  assert.ok(!first.value.ready && first.value.code === 'tunnel:not-answering');
  assert.match(first.value.detail, new RegExp(`127\\.0\\.0\\.1:${port}.*POSTERN_SOCKS_PORT`));
  assert.equal(first.ms, 3_000);
  const second = await timed(clock, readiness.ready(10_000));
  assert.equal(second.value.ready, false);
  assert.equal(second.ms, 0);
});

test('an owner that was there and is gone is not waited for', async (t) => {
  const { owner, clock, readiness } = await watched(t);
  await readiness.ready(1_000);
  await owner.stop();
  const { value, ms } = await timed(clock, readiness.ask(5_000));
  assert.equal(value.ready, false);
  assert.equal(ms, 0);
  assert.ok(readiness.ready(100) instanceof Promise, 'what was known is not known any more');
});

test('another program on the port is not taken for the owner', async (t) => {
  for (const [status, body] of [
    [404, '{}'],
    [200, 'not JSON'],
    [200, '{"ready":true}'],
    [200, '{"ready":true,"epoch":"1"}'],
    [200, 'null'],
    [503, '{"ready":false}'],
    [200, `{"ready":true,"epoch":1,"x":"${'x'.repeat(70_000)}"}`],
  ] as const) {
    const other = await start(
      t,
      http.createServer((_request, response) => response.writeHead(status).end(body)),
    );
    const { readiness } = asking(other.port);
    const answer = await readiness.ready(1_000);
    assert.ok(!answer.ready && answer.code === 'tunnel:not-answering', body.slice(0, 40));
  }
});

test('who can wait longer than the one who asked first asks again', async (t) => {
  const { owner, clock, readiness } = await watched(t);
  owner.answer = async () => {
    const within = Number(new URL(owner.asked.at(-1) as string, 'http://x').searchParams.get('within'));
    if (owner.asked.length > 1) return ready();
    await clock.sleep(within);
    return notReady('tunnel:joining', 'It is being joined at this moment.');
  };
  const hasty = readiness.ready(100);
  const patient = readiness.ready(2_000);
  assert.equal((await clock.run(Promise.resolve(hasty))).ready, false);
  assert.equal((await clock.run(Promise.resolve(patient))).ready, true);
  assert.equal(owner.asked.length, 2);
});
