import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { runConformance } from './conformance.ts';

const outcomes = await runConformance();
const core = outcomes.filter(({ givesValue, leftOut }) => givesValue && leftOut === undefined);
const right = core.filter(({ verdict }) => verdict === 'right');

const lines = (some: typeof outcomes) =>
  some.map(({ where, expression, detail }) => `${where}: ${expression}: ${detail}`).join('\n');

test("no case of CEL's conformance suite gives another value than the suite says", () => {
  assert.ok(outcomes.length > 2_300);
  assert.equal(lines(outcomes.filter(({ verdict }) => verdict === 'wrong')), '');
});

test('at least 97 percent of the core that gives a value gives that value', () => {
  const rest = core.filter(({ verdict }) => verdict !== 'right');
  assert.ok(right.length / core.length >= 0.97, `${right.length} of ${core.length}\n${lines(rest)}`);
});

test('the page says how many cases there are, and how many of the core are right', () => {
  const page = readFileSync(new URL('../../../docs/expressions.md', import.meta.url), 'utf8');
  const all = outcomes.length.toLocaleString('en-US');
  const figures = `${all} cases, 0 wrong; ${right.length} of ${core.length} of the core that gives a value`;
  assert.ok(page.includes(figures), figures);
});
