import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { everything } from '../../../base/named.ts';
import { knownNames } from '../../../gateway/config/expressions.ts';
import { functionNames } from '../../../gateway/expression/calls.ts';
import { maxSteps } from '../../../gateway/expression/frame.ts';
import { isGroup } from '../../../gateway/expression/names.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';

import { compile, exchangeOf } from './exchange.ts';

const page = readFileSync(new URL('../../../docs/expressions.md', import.meta.url), 'utf8');

const plugins = await loadPlugins(everything);
const names = Object.entries(await knownNames(plugins));

test('the page names every name and every function', () => {
  const labels = names.flatMap(([name, named]) =>
    isGroup(named) ? Object.keys(named.fields).map((field) => `${name}.${field}`) : [name],
  );
  for (const name of [...labels, ...functionNames()])
    assert.ok(page.includes(`\`${name}\``) || page.includes(`\`${name}(`), name);
});

test('the page says which plugin contributes which names', () => {
  const tables = page.slice(page.indexOf('## Names')).split(/^Added by /m);
  const added = tables.slice(1).map((table) => {
    const [, plugin] = /^\[([a-z-]+)\]\(plugins\/\1\.md\):$/m.exec(table.split('\n')[0] ?? '') ?? [];
    const rows = table.split('\n\n')[1] ?? '';
    return [plugin, [...new Set([...rows.matchAll(/^\| `([a-z]+)/gm)].map(([, name]) => name))]];
  });
  const contributed = plugins.flatMap(({ name, names: own = {} }) =>
    Object.keys(own).length === 0 ? [] : [[name, Object.keys(own)]],
  );
  assert.ok(contributed.length > 0);
  assert.deepEqual(added, contributed);
});

test('the page says the limit of steps', () => {
  assert.ok(page.includes(`${maxSteps.toLocaleString('en-US')} steps`));
});

test('the page says of each name what the code says of it', () => {
  for (const [name, named] of names) {
    if (name === 'subject' || name === 'device') continue;
    const fields = isGroup(named)
      ? Object.entries(named.fields).map(([field, one]) => [`${name}.${field}`, one] as const)
      : [[name, named] as const];
    for (const [label, { about }] of fields)
      assert.match(
        page,
        new RegExp(
          `\`${label.replace('.', '\\.')}\` \\| [^|]+ \\| ${about.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`,
        ),
      );
  }
});

test('the rule on `modified` takes about two thirds of the steps for as many commits and files as the page says', async () => {
  const [, rule = ''] = /^ {4}(.*\.modified\..*)$/m.exec(page) ?? [];
  const [, commits = '', files = ''] = /over ([\d,]+) commits of (\d+) files each/.exec(page) ?? [];
  const modified = Array.from({ length: Number(files) }, (_, at) => `src/file-${at}.ts`);
  const payload = { commits: Array.from({ length: Number(commits.replace(',', '')) }, () => ({ modified })) };
  const exchange = exchangeOf({ webhook: { payload } });
  const evaluate = await compile(rule, () => {});
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
