import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { readMeasured } from '../../cost/measured.ts';
import { filesOf, fill } from '../../cost/page.ts';
import { reportOf, textOf } from '../../cost/report.ts';
import { synthesize } from '../../cost/template.ts';

const report = reportOf(readMeasured(), synthesize());

for (const { file, text } of filesOf(report)) {
  const name = fileURLToPath(file).replace(/.*\/docs\//, 'docs/');
  test(`${name} says what the model says`, () => {
    const stale = `${name} is of another deployment, measurement or price: run \`npm run cost\` and commit what it writes`;
    assert.ok(readFileSync(file, 'utf8') === text, stale);
  });
}

test('what is printed has every line of the month, the verdict and what is apart', () => {
  const printed = textOf(report);
  for (const line of [...report.month.lines, ...report.demo, ...report.edge])
    assert.ok(printed.includes(line.what), line.what);
  for (const verdict of report.verdict) assert.ok(printed.includes(verdict));
  assert.doesNotMatch(printed, /NaN|undefined|Infinity/);
});

test('the demo and the edge are not part of the month', () => {
  const month = new Set(report.month.lines.map(({ what }) => what));
  for (const { what } of [...report.demo, ...report.edge]) assert.ok(!month.has(what), what);
});

test('a part of the page is filled between its marks, and the rest is left as it is', () => {
  const text = 'a\n<!-- cost: one -->\nold\n<!-- end -->\nb\n';
  assert.equal(fill(text, { one: 'new' }), 'a\n<!-- cost: one -->\n\nnew\n\n<!-- end -->\nb\n');
});

test('filling a page twice changes nothing', () => {
  const once = fill('<!-- cost: one -->\n<!-- end -->', { one: 'x' });
  assert.equal(fill(once, { one: 'x' }), once);
});

test('a page that lacks a part, or has one that nobody fills, is refused', () => {
  assert.throws(() => fill('', { one: 'x' }), /lacks <!-- cost: one -->/);
  assert.throws(() => fill('<!-- cost: two -->\n<!-- end -->', {}), /has a part two/);
});
