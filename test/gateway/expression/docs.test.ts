import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { functionNames } from '../../../gateway/expression/calls.ts';
import { maxSteps } from '../../../gateway/expression/frame.ts';
import { compileExpression } from '../../../gateway/expression/index.ts';
import { groups, values } from '../../../gateway/expression/names.ts';

import { exchangeOf } from './exchange.ts';

const page = readFileSync(new URL('../../../docs/expressions.md', import.meta.url), 'utf8');

test('the page names every name and every function', () => {
  const fields = Object.entries(groups).flatMap(([group, own]) =>
    Object.keys(own).map((field) => `${group}.${field}`),
  );
  for (const name of [...fields, ...Object.keys(values), ...functionNames()])
    assert.ok(page.includes(`\`${name}\``) || page.includes(`\`${name}(`), name);
});

test('the page says the limit of steps', () => {
  assert.ok(page.includes(`${maxSteps.toLocaleString('en-US')} steps`));
});

test('the page says of each name what the code says of it', () => {
  for (const [group, own] of Object.entries(groups)) {
    if (group === 'subject' || group === 'device') continue;
    for (const [field, { about }] of Object.entries(own))
      assert.match(
        page,
        new RegExp(`\`${group}\\.${field}\` \\| [^|]+ \\| ${about.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`),
      );
  }
});

test('the rule on `modified` takes about two thirds of the steps for as many commits and files as the page says', async () => {
  const [, rule = ''] = /^ {4}(.*\.modified\..*)$/m.exec(page) ?? [];
  const [, commits = '', files = ''] = /over ([\d,]+) commits of (\d+) files each/.exec(page) ?? [];
  const modified = Array.from({ length: Number(files) }, (_, at) => `src/file-${at}.ts`);
  const payload = { commits: Array.from({ length: Number(commits.replace(',', '')) }, () => ({ modified })) };
  const exchange = exchangeOf({ webhook: { payload } });
  const evaluate = await compileExpression(rule, { result: 'boolean', warn() {} });
  assert.equal(evaluate(exchange), true);
  const share = exchange.expressionSteps / maxSteps;
  assert.ok(share > 0.6 && share < 0.72, `${share}`);
});

test('every function that a table of the page names is there', () => {
  const table = page.slice(page.indexOf('| operators |')).split('\n\n', 1)[0] as string;
  const named = table
    .split('\n')
    .slice(1)
    .flatMap((row) => [...row.matchAll(/`(\w+)[`(]/g)].map(([, name = '']) => name));
  assert.ok(named.length > 30);
  assert.deepEqual(
    named.filter((name) => !functionNames().includes(name)),
    [],
  );
});
