import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, type Clock, limited, systemClock } from '../../base/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Each clock, and how its time passes until the work is done. */
const clocks: readonly (readonly [name: string, open: () => { clock: Clock; pass(ms: number): unknown }])[] =
  [
    ['the clock of the machine', () => ({ clock: systemClock, pass() {} })],
    [
      'the virtual clock of the tests',
      () => {
        const clock = new VirtualClock();
        return { clock, pass: (ms) => clock.advance(ms) };
      },
    ],
  ];

for (const [name, open] of clocks) {
  test(`${name} sleeps for as long as it was told, and its monotonic clock says so`, async () => {
    const { clock, pass } = open();
    const before = clock.monotonic();
    const slept = clock.sleep(20);
    await pass(20);
    await slept;
    // A timer of Node rounds down by less than one millisecond.
    assert.ok(clock.monotonic() - before >= 19);
  });

  test(`${name} wakes sleepers in the order of their times, and of their calls where those are the same`, async () => {
    const { clock, pass } = open();
    const woken: string[] = [];
    const sleepers = [
      clock.sleep(300).then(() => woken.push('last')),
      clock.sleep(0).then(() => woken.push('first')),
      clock.sleep(100).then(() => woken.push('second')),
      clock.sleep(100).then(() => woken.push('third')),
    ];
    await pass(300);
    await Promise.all(sleepers);
    assert.deepEqual(woken, ['first', 'second', 'third', 'last']);
  });

  test(`${name} ends a sleep with the reason of its signal, before and while it sleeps`, async () => {
    const { clock } = open();
    const reason = new Error('no longer wanted');
    await assert.rejects(clock.sleep(60_000, AbortSignal.abort(reason)), reason);
    const waker = new AbortController();
    const slept = clock.sleep(60_000, waker.signal);
    waker.abort(reason);
    await assert.rejects(slept, reason);
  });

  test(`${name} is not moved by a signal that aborts after a sleep`, async () => {
    const { clock, pass } = open();
    const waker = new AbortController();
    const slept = clock.sleep(1, waker.signal);
    await pass(1);
    assert.equal(await slept, undefined);
    waker.abort();
  });

  test(`${name} has a wall clock that goes on with the monotonic one`, async () => {
    const { clock, pass } = open();
    const [wall, monotonic] = [clock.now(), clock.monotonic()];
    const slept = clock.sleep(50);
    await pass(50);
    await slept;
    // Only that both went on: something else may set the machine's wall clock meanwhile.
    assert.ok(clock.now() !== wall && clock.monotonic() > monotonic);
  });
}

test('the virtual clock stands still unless it is moved, and leaves no sleeper behind', async () => {
  const clock = new VirtualClock();
  let woken = false;
  const slept = clock.sleep(10).then(() => {
    woken = true;
  });
  await clock.advance(9);
  assert.deepEqual([woken, clock.monotonic(), clock.sleepers], [false, 9, 1]);
  clock.freeze(60_000);
  assert.deepEqual([woken, clock.monotonic()], [false, 9]);
  await clock.advance(1);
  await slept;
  assert.equal(clock.sleepers, 0);
});

test('what sleeps again within the time that passes wakes again within it', async () => {
  const clock = new VirtualClock();
  const ticks: number[] = [];
  const over = new AbortController();
  const ticking = (async () => {
    for (;;) {
      await clock.sleep(10, over.signal);
      ticks.push(clock.monotonic());
    }
  })();
  await clock.advance(35);
  assert.deepEqual(ticks, [10, 20, 30]);
  over.abort();
  await assert.rejects(ticking, { name: 'AbortError' });
});

test('the virtual clock passes exactly the time that the work waits for, however it ends, even during other work', async () => {
  const clock = new VirtualClock();
  const slow = clock.run(clock.sleep(300).then(() => clock.monotonic()));
  const failing = clock.sleep(100).then(() => Promise.reject(new Error(`at ${clock.monotonic()}`)));
  await assert.rejects(clock.run(failing), /at 100/);
  assert.equal(await slow, 300);
  clock.sleep(50).catch(() => {});
  await clock.advance(0);
  assert.equal(clock.monotonic(), 300);
});

test('limited work ends exactly at its limit or on its own, and leaves no timer', async () => {
  const clock = new VirtualClock();
  const never = new Promise<string>(() => {});
  assert.equal(await clock.run(limited(clock, never, 80)), undefined);
  assert.equal(clock.monotonic(), 80);
  assert.equal(await clock.run(limited(clock, Promise.resolve('done'), 80)), 'done');
  await assert.rejects(clock.run(limited(clock, Promise.reject(new Error('broken')), 80)), /broken/);
  assert.deepEqual([clock.monotonic(), clock.sleepers], [80, 0]);
});

test('a timer calls once at its time, and not at all when it was cancelled before or in the same turn', async () => {
  const clock = new VirtualClock();
  const called: string[] = [];
  const cancelEarly = after(clock, 10, () => called.push('early'));
  cancelEarly();
  let cancelLate = (): void => {};
  after(clock, 20, () => {
    called.push(`at ${clock.monotonic()}`);
    cancelLate();
  });
  cancelLate = after(clock, 20, () => called.push('late'));
  const cancelAfterwards = after(clock, 30, () => called.push(`at ${clock.monotonic()}`));
  await clock.advance(100);
  cancelAfterwards();
  assert.deepEqual(called, ['at 20', 'at 30']);
});
