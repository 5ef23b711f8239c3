import assert from 'node:assert/strict';
import test from 'node:test';
import { everything } from '../../base/named.ts';
import { jsonSchema, parse, type Schema, s } from '../../base/schema/schema.ts';
import { InvalidConfiguration } from '../../gateway/config/problems.ts';
import { serverOptions } from '../../gateway/config/server-options.ts';
import { configurationShape } from '../../gateway/config/shape.ts';
import { loadGateway } from '../../gateway/index.ts';
import { loadPlugins } from '../../gateway/plugins/index.ts';
import { loadProviders } from '../../gateway/providers/index.ts';
import { transportForms } from '../../gateway/upstream/transports/index.ts';
import { defaultLimits, limitsOf } from '../../server/limits.ts';
import { tailnetDefaults } from '../../server/tailnet.ts';
import { testPorts } from '../support/ports.ts';
import { names, page, rows } from './pages.ts';

// What may stand in postern.yaml is declared in code; the pages list the same, with the same defaults.

interface Declared {
  readonly properties?: Readonly<Record<string, Declared>>;
  readonly additionalProperties?: Declared | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

const plugins = await loadPlugins(everything);
const levels = new Intl.ListFormat('en-GB', { type: 'conjunction' });
const providers = await loadProviders(everything);
const shape = jsonSchema(configurationShape(plugins)) as Declared;
const at = (declared: Declared | undefined, ...path: readonly string[]): Declared =>
  path.reduce<Declared | undefined>(
    (here, key) => (key === '*' ? (here?.additionalProperties as Declared) : here?.properties?.[key]),
    declared,
  ) ?? assert.fail(path.join('.'));

/** As a page writes it: the value in backquotes, `needed`, or a word of its own for an option without a default. */
function assertDefault(cell: string, name: string, { default: value }: Declared, needed: boolean): void {
  if (needed) return assert.equal(cell, 'needed', name);
  const [written] = names(cell);
  const isEmpty =
    value === undefined ||
    value === '' ||
    (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  if (isEmpty) assert.ok(cell !== '' && cell !== 'needed' && written === undefined, `${name}: ${cell}`);
  else assert.equal(written, String(value), name);
}

function assertTable(
  table: readonly (readonly string[])[],
  declared: Declared,
  own: readonly string[] = [],
): void {
  const properties = Object.entries(declared.properties ?? {}).filter(
    ([name]) => own.length === 0 || own.includes(name),
  );
  assert.deepEqual(
    table.flatMap(([cell]) => names(cell)).toSorted(),
    properties.map(([name]) => name).toSorted(),
  );
  for (const [name, property] of properties) {
    const [, cell = ''] = table.find(([first]) => names(first).includes(name)) ?? [];
    assertDefault(cell, name, property, declared.required?.includes(name) === true);
  }
}

/** Each problem's line and the first two words of what is said of it. */
async function problemsOf(text: string): Promise<readonly string[]> {
  try {
    const { gateway } = await loadGateway({ file: 'postern.yaml', text }, testPorts());
    await gateway.close();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    return error.problems.map(({ line, message }) => `${line} ${message.split(' ').slice(0, 2).join(' ')}`);
  }
}

test('docs/configuration.md has every section of the file, and no other', () => {
  assert.deepEqual(
    rows('docs/configuration.md', '## The file').flatMap(([cell]) => names(cell)),
    Object.keys(shape.properties ?? {}),
  );
});

test('docs/configuration.md lists every option of a service with its default', () => {
  const table = rows('docs/configuration.md', '## Services').filter(
    ([cell]) => !names(cell)[0]?.includes('.'),
  );
  assertTable(table, at(shape, 'services', '*'));
});

test('docs/configuration.md lists every option of a route with its default', () => {
  const route = at(shape, 'routes', '*');
  const { match, answer, ...options } = route.properties ?? {};
  const flat: Record<string, Declared> = { ...options };
  for (const [name, declared] of Object.entries(match?.properties ?? {})) flat[`match.${name}`] = declared;
  for (const [name, declared] of Object.entries(answer?.properties ?? {})) flat[`answer.${name}`] = declared;
  if (answer !== undefined) flat.answer = answer;
  const below = (name: string, { required = [] }: Declared = {}) => required.map((key) => `${name}.${key}`);
  const required = [...(route.required ?? []), ...below('match', match), ...below('answer', answer)];
  const table = rows('docs/configuration.md', '## Routes').filter(
    (row) => row.length === 3 && !/^`"/.test(row[0] ?? ''),
  );
  assertTable(table, { properties: flat, required });
});

test('docs/configuration.md lists every plugin in the order of priority, with how it guards', () => {
  const table = rows('docs/configuration.md', '## Plugins').map(([cell = '', guard]) => [
    /^\[([a-z-]+)\]/.exec(cell)?.[1],
    guard,
  ]);
  const byPriority = [...plugins].sort((one, other) => other.priority - one.priority);
  assert.deepEqual(
    table,
    byPriority.map(({ name, guard }) => [
      name,
      guard === undefined ? '–' : 'restricts' in guard ? 'restricting' : 'authenticating',
    ]),
  );
});

test('docs/transports.md lists every transport', () => {
  const listed = rows('docs/transports.md').slice(0, transportForms.length);
  assert.deepEqual(listed.map(([cell]) => names(cell)[0]).toSorted(), transportForms.toSorted());
});

for (const { name, options, priority, scopes, readsBody } of plugins) {
  const path = `docs/plugins/${name}.md`;
  if (name !== 'webhook')
    test(`${path} lists every option with its default`, () => {
      const table = rows(path).filter(([cell]) => !cell?.includes(':'));
      assertTable(table, jsonSchema(options) as Declared);
    });

  test(`${path} says where ${name} may stand, its priority, and what it needs`, () => {
    assert.ok(page(path).includes(`at ${levels.format(scopes)} level`));
    assert.ok(page(path).includes(`Priority ${priority}`));
    assert.ok(readsBody !== true || page(path).includes('It needs the body'));
  });
}

test('docs/plugins/webhook.md lists every option of every provider and of each, with its default', () => {
  const { oneOf = [] } = jsonSchema(
    plugins.find(({ name }) => name === 'webhook')?.options as Schema<unknown>,
  ) as {
    readonly oneOf?: readonly Declared[];
  };
  assert.equal(oneOf.length, providers.length);
  const tables = rows('docs/plugins/webhook.md').filter(([cell]) => !cell?.includes(':'));
  const known = providers.map(({ name }) => name);
  const listed = tables.filter(([cell]) => known.includes(names(cell)[0] ?? ''));
  assert.deepEqual(listed.map(([cell]) => names(cell)[0]).toSorted(), known.toSorted());
  const table = tables.filter((row) => !listed.includes(row));
  const all: Record<string, Declared> = {};
  const required = new Set<string>();
  for (const one of oneOf) {
    Object.assign(all, one.properties);
    for (const name of one.required ?? []) required.add(name);
  }
  assertTable(table, { properties: all, required: [...required] });
});

test('docs/serve.md lists every limit of the listener, and its default is the one that counts', () => {
  const limits = at(jsonSchema(s.object({ server: serverOptions })) as Declared, 'server', 'limits');
  const table = rows('docs/serve.md', '## Limits of the listener');
  const given: Record<string, unknown> = {};
  for (const [cell, value] of table) {
    const [name = ''] = names(cell);
    const [written = ''] = names(value);
    given[name] = /^[0-9]+$/.test(written) ? Number(written) : written;
  }
  assert.deepEqual(Object.keys(given).toSorted(), Object.keys(limits.properties ?? {}).toSorted());
  const parsed = parse(serverOptions, { limits: given });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual(limitsOf(parsed.value.limits), defaultLimits);
  assert.deepEqual(limitsOf({}), defaultLimits);
});

test('docs/serve.md lists every option of the node in the tailnet, and its default is the one that counts', () => {
  const { tailnet } =
    at(jsonSchema(s.object({ server: serverOptions })) as Declared, 'server').properties ?? {};
  const table = rows('docs/serve.md', '## A node of the tailnet');
  assert.deepEqual(
    table.flatMap(([cell]) => names(cell)).toSorted(),
    Object.keys(tailnet?.properties ?? {}).toSorted(),
  );
  for (const [name, value] of Object.entries(tailnetDefaults)) {
    const [, written] = table.find(([cell]) => names(cell)[0] === name) ?? [];
    assert.deepEqual(names(written), [String(value)], name);
  }
});

test('docs/configuration.md lists the keys of a consumer', () => {
  const table = rows('docs/configuration.md', '## Consumers');
  assertTable(table, at(shape, 'consumers', '*'));
});

test('check reports all errors of syntax, of form or of meaning together, and the later kinds only without the earlier', async () => {
  const inOrder = `services:
  a: { targets: [{ url: http://127.0.0.1:9 }], transport: direct }
routes:
  one: { match: { path: /one }, service: a }
  two: { match: { path: /two }, service: b }
`;
  const form = inOrder.replace('service: a', 'sevice: a').replace('path: /two', 'pfad: /two');
  const syntax = form
    .replace('services:', 'services:\n  a: { targets: [] }')
    .replace('path: /one', 'path: /one, path: /x');
  assert.deepEqual(await problemsOf(inOrder), ['4 no plugin', '5 no plugin', '5 unknown service']);
  assert.deepEqual(await problemsOf(form), ['4 unknown key', '5 expected a', '5 unknown key']);
  assert.deepEqual(await problemsOf(syntax), ['3 this key', '5 this key']);
});
