import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { hasRoom, readMeasured, sizeOf } from '../../cost/measured.ts';
import { power } from './inputs.ts';

function fileOf(t: test.TestContext, text: string): URL {
  const folder = mkdtempSync(join(tmpdir(), 'postern-cost-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'power.json');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

test('without a measurement no figure is made up: the error says how to measure', () => {
  const missing = pathToFileURL('/nowhere/power.json');
  assert.throws(() => readMeasured(missing), /never assumed.*\/nowhere\/power\.json.*npm run bench power/);
});

test('a measurement of an older bench is refused, with what to run', (t) => {
  const old = JSON.stringify({ measured: '2026-01-01T00:00:00Z', machine: { cores: 2 }, raw: { sizes: [] } });
  assert.throws(() => readMeasured(fileOf(t, old)), /older bench.*npm run bench power/);
});

test('a measurement is read with its day and its machine', (t) => {
  const measured = '2026-11-23T07:18:30.000Z';
  const text = JSON.stringify({ measured, machine: { cpu: 'A processor', cores: 2 }, raw: power });
  const read = readMeasured(fileOf(t, text));
  assert.equal(read.on, '2026-11-23');
  assert.equal(read.machine, 'A processor, 2 cores');
  assert.equal(sizeOf(read, 512).billedMs, 20);
});

test('a size has room when nothing failed in it, or in a smaller one', () => {
  const rooms = [128, 192, 256, 512].map((memoryMb) => hasRoom(power, memoryMb));
  assert.deepEqual(rooms, [false, undefined, true, true]);
});
