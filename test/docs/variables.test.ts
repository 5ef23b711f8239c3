import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { readTailnet } from '../../adapters/environment/tailnet.ts';
import { readRotationEnvironment } from '../../functions/rotation/environment.ts';
import { variables } from '../../functions/variables.ts';
import { names, page, rows } from './pages.ts';

const root = new URL('../../', import.meta.url);
const filesOf = (folder: string, ext: RegExp) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((file) => ext.test(file))
    .map((file) => `${folder}/${file}`);
const name = /\b(?:POSTERN|AUTHD)_[A-Z0-9_]*[A-Z0-9]\b/g;

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...filesOf('docs', /\.md$/),
  ...filesOf('examples', /README\.md$/),
];
const inPages = new Set(pages.flatMap((path) => page(path).match(name) ?? []));
const folders = ['gateway', 'functions', 'server', 'extension', 'bin', 'lib', 'scripts', 'demo', 'test/e2e'];
const sources = folders.flatMap((folder) => filesOf(folder, /\.(?:ts|mjs)$/));
const inCode = new Set(
  sources.flatMap((file) => readFileSync(new URL(file, root), 'utf8').match(name) ?? []),
);
/** How the tests mark what they start, and nobody sets. */
const internal = /^POSTERN_LAB_/;

test('every environment variable that is read is in the docs, and every one in the docs is read', () => {
  const read = [...inCode].filter((one) => !internal.test(one));
  assert.deepEqual([...inPages].toSorted(), read.toSorted());
});

test('every variable of the functions and the extension has a row in a table of its page', () => {
  const tables = ['functions', 'layer', 'extension', 'rotation', 'serve'].flatMap((one) =>
    rows(`docs/${one}.md`),
  );
  const listed = new Set(tables.flatMap((row) => row.slice(0, 2).flatMap(names)));
  for (const one of Object.keys(variables)) assert.ok(listed.has(one), one);
});

test('the defaults on the pages are those of the code', () => {
  const tailnet = readTailnet({});
  const rotation = readRotationEnvironment({
    POSTERN_ROTATION_ISSUER: 'tailscale',
    POSTERN_ROTATION_CREDENTIALS_ID: 'x',
    POSTERN_TAILNET_TAGS: 'tag:x',
  });
  const rowOf = (path: string, variable: string) =>
    rows(path).find(([cell]) => names(cell).includes(variable))?.[1];
  assert.equal(rowOf('docs/layer.md', 'POSTERN_SOCKS_PORT'), String(tailnet.socksPort));
  assert.equal(rowOf('docs/layer.md', 'POSTERN_JOIN_TIMEOUT'), `${tailnet.joinTimeoutMs / 1000}s`);
  assert.equal(rowOf('docs/extension.md', 'POSTERN_TAILNET_API_URL'), `\`${rotation.apiUrl}\``);
  assert.equal(
    rowOf('docs/rotation.md', 'POSTERN_ROTATION_KEY_LIFETIME'),
    `\`${rotation.keyLifetimeMs / 86_400_000}d\``,
  );
});
