import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { everything } from '../../base/named.ts';
import { authorizerRefusals } from '../../functions/authorizer/authorizer.ts';
import { edgeRefusals } from '../../functions/edge.ts';
import { eventRefusals } from '../../functions/read-event.ts';
import { gatewayRefusals, pathRefusals, type RefusalKind } from '../../gateway/answer/refusal.ts';
import { loadPlugins } from '../../gateway/plugins/index.ts';
import { upstreamRefusals } from '../../gateway/upstream/refusals.ts';
import { tunnelCauses } from '../../gateway/upstream/tailnet/tunnel.ts';
import { adminRefusals } from '../../server/admin.ts';
import { httpRefusals } from '../../server/refusals.ts';
import { names, page, rows } from './pages.ts';

const root = new URL('../../', import.meta.url);
const tables: readonly Readonly<Record<string, RefusalKind>>[] = [
  httpRefusals.table,
  adminRefusals.table,
  eventRefusals.table,
  edgeRefusals.table,
  authorizerRefusals.table,
  pathRefusals.table,
  gatewayRefusals.table,
  upstreamRefusals.table,
  ...(await loadPlugins(everything)).map(({ refusals }) => refusals?.table ?? {}),
];
const known = new Map(tables.flatMap((table) => Object.entries(table)));
const listed = rows('docs/refusals.md').map(([code, status]) => [names(code)[0], Number(status)] as const);

test('docs/refusals.md lists every refusal with its status, once, and no other', () => {
  const expected = [...known].map(([code, { status }]) => [code, status] as const);
  assert.deepEqual(listed.toSorted(), expected.toSorted());
});

test('no table of refusals is missing here', () => {
  const sources = ['gateway', 'functions', 'server'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(new URL(`${folder}/${file}`, root), 'utf8')),
  );
  const declared = sources.flatMap((text) =>
    [...text.matchAll(/\brefusals\(\s*'([a-z-]+)'/g)].map(([, name]) => name),
  );
  const here = new Set([...known.keys()].map((code) => code.split(':')[0]));
  assert.deepEqual(declared.toSorted(), [...here].toSorted());
});

test('no page names a code that does not exist', () => {
  const pages = [
    'README.md',
    'SECURITY.md',
    'RATIONALE.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...readdirSync(new URL('docs', root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  ];
  const namespaces = [...new Set([...known.keys()].map((code) => code.split(':')[0])), 'tunnel'];
  const code = new RegExp(`\`(?:[0-9]{3} )?((?:${namespaces.join('|')}):[a-z-]+)\``, 'g');
  const named = pages.flatMap((path) =>
    [...page(path).matchAll(code)].map(([, one = '']) => `${path}: ${one}`),
  );
  assert.ok(named.length > 100);
  const causes = Object.keys(tunnelCauses);
  assert.deepEqual(
    named.filter((one) => {
      const [, name = ''] = one.split(': ');
      return !known.has(name) && !causes.includes(name);
    }),
    [],
  );
});
