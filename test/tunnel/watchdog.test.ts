import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Watchdog } from '../../tunnel/watchdog.ts';

type Answer = 'answer' | 'silence' | 'refusal';

/** A watchdog whose daemon behaves as told, and what came of it. */
function watched(behaviour: () => Answer) {
  const seen = { questions: 0, silences: [] as number[] };
  const watchdog = new Watchdog(
    () => {
      seen.questions += 1;
      const answer = behaviour();
      if (answer === 'silence') return new Promise(() => {});
      return answer === 'answer' ? Promise.resolve() : Promise.reject(new Error('ECONNREFUSED'));
    },
    (silentMs) => seen.silences.push(silentMs),
  );
  const look = async (...gapsMs: number[]) => {
    for (const gapMs of gapsMs) {
      watchdog.look(gapMs);
      await Promise.resolve().then(() => {});
    }
  };
  return { seen, watchdog, look };
}

const seconds = (count: number) => Array<number>(count).fill(1_000);

test('a daemon that answers is asked every other second and never called silent', async () => {
  const { seen, look } = watched(() => 'answer');
  await look(...seconds(100));
  assert.deepEqual(seen, { questions: 50, silences: [] });
});

for (const behaviour of ['silence', 'refusal'] as const) {
  test(`five seconds of ${behaviour} are told once, with how long they were`, async () => {
    const { seen, look } = watched(() => behaviour);
    await look(...seconds(6));
    assert.deepEqual(seen.silences, []);
    await look(1_000);
    assert.deepEqual(seen.silences, [5_000]);
    await look(1_000);
    assert.deepEqual(seen.silences, [5_000]);
  });
}

test('a daemon that still hangs is reported again after another question', async () => {
  const { seen, look } = watched(() => 'silence');
  await look(...seconds(14));
  assert.equal(seen.silences.length, 2);
});

test('a late answer, and a new daemon, start over', async () => {
  for (const how of ['answer', 'forget'] as const) {
    let answer: () => void = () => {};
    const silences: number[] = [];
    const watchdog = new Watchdog(
      () =>
        new Promise<void>((resolve) => {
          answer = resolve;
        }),
      (silentMs) => silences.push(silentMs),
    );
    for (const gapMs of seconds(6)) watchdog.look(gapMs);
    if (how === 'answer') answer();
    else watchdog.forget();
    await new Promise(setImmediate);
    for (const gapMs of seconds(6)) watchdog.look(gapMs);
    assert.deepEqual(silences, [], how);
  }
});

test('an answer to the question before the last one does not count', async () => {
  const answers: (() => void)[] = [];
  const silences: number[] = [];
  const watchdog = new Watchdog(
    () => new Promise<void>((resolve) => answers.push(resolve)),
    (silentMs) => silences.push(silentMs),
  );
  for (const gapMs of seconds(2)) watchdog.look(gapMs);
  watchdog.forget();
  for (const gapMs of seconds(3)) watchdog.look(gapMs);
  answers[0]?.();
  await new Promise(setImmediate);
  for (const gapMs of seconds(4)) watchdog.look(gapMs);
  assert.deepEqual(silences, [5_000]);
});

test('freezes are not silence, in any number and of any length', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.integer({ min: 2_501 }), fc.integer({ max: 0 }))), async (gaps) => {
      const { seen, look } = watched(() => 'silence');
      await look(...seconds(2), ...gaps);
      assert.deepEqual(seen, { questions: 1, silences: [] });
    }),
  );
});
