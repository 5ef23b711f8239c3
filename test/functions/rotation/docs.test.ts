import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..', '..');
const folder = join(root, 'functions', 'rotation');
const page = readFileSync(join(root, 'docs', 'rotation.md'), 'utf8');
const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));

test('every code of the rotation is on its page, and the page has no other', () => {
  const codesIn = (text: string) => text.match(/(?<=[`'])rotation:[a-z-]+/g) ?? [];
  const used = new Set(sources.flatMap(codesIn));
  const rows = new Set(page.match(/(?<=^\| `)rotation:[a-z-]+/gm));
  assert.deepEqual([...rows].toSorted(), [...used].toSorted());
});
