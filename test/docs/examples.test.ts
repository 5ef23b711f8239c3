import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { parse } from 'yaml';
import type { ConfigurationProblem } from '../../gateway/config/problems.ts';
import { loadGateway } from '../../gateway/index.ts';
import { compile } from '../gateway/expression/exchange.ts';
import { testPorts } from '../support/ports.ts';
import { page, section } from './pages.ts';

interface Fragment {
  readonly services?: Record<string, object>;
  readonly routes?: Record<string, object>;
}

const rest = { services: { a: { targets: [{ url: 'http://127.0.0.1:9' }], transport: 'direct' } } };

/** For an example that shows none: whatever it shows is used there. */
const anyRoute = { open: true, plugins: { webhook: { provider: 'github', secret: 'env:A' } } };

/** Loads what a page shows, with what it leaves out beside it. */
async function load(text: string): Promise<void> {
  const shown = parse(text) as Fragment;
  const services = shown.services ?? rest.services;
  const [service] = Object.keys(services);
  const routes = Object.fromEntries(
    Object.entries(shown.routes ?? { a: anyRoute }).map(([name, route]) => [
      name,
      { match: { path: '/a' }, ...(!('answer' in route) && { service }), ...route },
    ]),
  );
  const warnings: ConfigurationProblem[] = [];
  const { gateway } = await loadGateway(
    { file: 'shown.json', text: JSON.stringify({ ...shown, services, routes }) },
    testPorts({ warned: (found) => warnings.push(...found) }),
  );
  await gateway.close();
  assert.deepEqual(
    warnings.filter(({ path }) => !path.endsWith('.open')),
    [],
  );
}

/** The blocks of a page that are YAML of the configuration, fenced or indented. */
function examplesOf(path: string): readonly string[] {
  const text = page(path);
  const fenced = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => block);
  const indented = [...text.matchAll(/(?:^ {4}.*\n)+/gm)]
    .map(([block]) => block.replace(/^ {4}/gm, ''))
    .filter((block) => /^(?:services|routes|entry|plugins|consumers|server):/.test(block));
  return [...fenced, ...indented];
}

const pages = readdirSync(new URL('../../docs', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`)
  .filter((path) => examplesOf(path).length > 0);

test('the pages with examples of a configuration are found', () => {
  assert.ok(pages.length >= 7, pages.join());
});

for (const path of pages) {
  test(`every configuration that ${path} shows loads without a warning`, async () => {
    for (const example of examplesOf(path)) await load(example);
  });
}

test('postern.yaml of the clone loads without a warning', () => load(page('postern.yaml')));

test('every expression at the top of docs/expressions.md compiles, and every one that it warns of does not', async () => {
  const text = section('docs/expressions.md', '# Expressions');
  const [block = ''] = /(?:^ {4}.*\n)+/m.exec(text) ?? [];
  const expressions = block.trim().split('\n');
  assert.ok(expressions.length >= 5);
  for (const expression of expressions) await compile(expression.trim(), () => {});
  const instead = text.slice(text.indexOf('| instead of |')).split('\n\n', 1)[0] as string;
  const wrong = [...instead.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, one = '']) => one).filter((one) => /[=!]=| in |\(/.test(one)),
  );
  assert.ok(wrong.length >= 9, String(wrong.length));
  for (const expression of wrong) await assert.rejects(async () => compile(expression, () => {}), expression);
});
