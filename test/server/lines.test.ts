import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bufferLines } from '../../server/lines.ts';

function open(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const written: string[] = [];
  let broken: (() => void) | undefined;
  const lines = bufferLines({
    write: (text) => written.push(text),
    on: (_event, listener) => {
      broken = listener;
    },
  });
  return { lines, written, broken: () => broken?.() };
}

test('lines are written together after 100 ms', (t) => {
  const { lines, written } = open(t);
  lines.write('a\n');
  lines.write('b\n');
  t.mock.timers.tick(99);
  assert.deepEqual(written, []);
  t.mock.timers.tick(1);
  assert.deepEqual(written, ['a\nb\n']);
});

test('64 KiB are written at once', (t) => {
  const { lines, written } = open(t);
  lines.write(`${'x'.repeat(64 * 1024)}\n`);
  assert.equal(written.length, 1);
  t.mock.timers.tick(1_000);
  assert.equal(written.length, 1);
});

test('more lines than fit together are written whole, in order and once', (t) => {
  const { lines, written } = open(t);
  const given = Array.from({ length: 500 }, (_, at) => `${at} ${'€'.repeat(at)}\n`);
  given.splice(250, 0, `${'y'.repeat(100_000)}\n`);
  for (const line of given) lines.write(line);
  lines.flush();
  assert.equal(written.join(''), given.join(''));
  assert.ok(written.length < 20);
});

test('what has gathered is written when told to, once', (t) => {
  const { lines, written } = open(t);
  lines.write('a\n');
  lines.flush();
  lines.flush();
  t.mock.timers.tick(1_000);
  assert.deepEqual(written, ['a\n']);
});

test('an output that breaks stops nobody', (t) => {
  const { lines, broken } = open(t);
  assert.doesNotThrow(broken);
  lines.write('a\n');
});
