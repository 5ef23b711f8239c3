import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.mjs'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter((file) => file !== '' && !file.startsWith('dist/'));

interface Import {
  readonly from: string;
  /** A file of the repository, or the name of a package or of a part of Node. */
  readonly to: string;
}

/** Every import of the product, types too: TypeScript's `import type` is an arrow like any other. */
async function importsOf(files: readonly string[]): Promise<readonly Import[]> {
  const found: Import[] = [];
  for (const from of files) {
    const text = readFileSync(join(root, from), 'utf8')
      .replace(/\bimport type\b/g, 'import')
      .replace(/\bexport type \{/g, 'export {')
      .replace(/([{,]\s*)type (?=\w+[\s,}])/g, '$1');
    const result = await build({
      stdin: { contents: text, loader: 'ts', resolveDir: dirname(join(root, from)) },
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      external: ['*'],
      logLevel: 'silent',
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    });
    for (const { path } of Object.values(result.metafile.inputs).flatMap(({ imports }) => imports)) {
      found.push({ from, to: path.startsWith('.') ? normalize(join(dirname(from), path)) : path });
    }
  }
  return found;
}

/** The product's folders from the bottom up: a folder imports those of the rows below it. demo/ stands beside them and imports any. */
const layers = [
  ['base'],
  ['gateway'],
  ['adapters', 'tunnel'],
  ['functions', 'extension', 'server'],
  ['lib'],
  ['bin'],
] as const;
/** The folders of gateway/ from the bottom up, which is the way of a request read upwards. */
const gatewayLayers = [
  ['ports', 'expression'],
  ['answer'],
  ['request'],
  ['plugin'],
  ['providers'],
  ['plugins', 'pipeline', 'upstream'],
  ['routing', 'observe'],
  ['action'],
  ['gateway.ts'],
  ['config'],
  ['index.ts'],
] as const;
const product: readonly string[] = [...layers.flat(), 'demo'];
const folderOf = (file: string) => file.split('/')[0] as string;
const imports = await importsOf(sources.filter((file) => product.includes(folderOf(file))));

interface Rule {
  readonly why: string;
  /** An import that breaks it, to prove that the rule sees one. */
  readonly broken: Import;
  readonly refuses: (one: Import) => boolean;
}

const isFile = (name: string) => /\.(?:ts|mjs)$/.test(name);
const within = (folder: string, file: string) => file.startsWith(`${folder}/`);
/** Whether one file of a folder imports another; what they share lies in `contracts` or in a folder below. */
const oneOfAKind =
  (folder: string, contracts: readonly string[] = []) =>
  ({ from, to }: Import) => {
    const isMember = (file: string) =>
      within(folder, file) && !file.slice(folder.length + 1).includes('/') && !file.endsWith('/index.ts');
    return isMember(from) && isMember(to) && !contracts.includes(to);
  };

const rowOf = (rows: readonly (readonly string[])[], name: string) =>
  rows.findIndex((row) => row.includes(name));
/** Whether a file imports one of another folder that does not lie in a row below its own. */
const upward = (rows: readonly (readonly string[])[], from: string, to: string) =>
  from !== to && rowOf(rows, to) >= rowOf(rows, from);
/** What the functions and what deploys them must agree on: names of variables and of headers. */
const agreements = ['functions/variables.ts', 'functions/edge-headers.ts'];
/** The folder below gateway/ that a file is in, or the name of a file that is in none. */
const roomOf = (file: string) => file.split('/')[1] as string;

const rules: readonly Rule[] = [
  {
    why: `folders import those below them: ${layers.map((row) => row.join(', ')).join(' ← ')}`,
    broken: { from: 'gateway/gateway.ts', to: 'server/listener.ts' },
    refuses: ({ from, to }) => {
      const folders = [folderOf(from), folderOf(to)] as const;
      return folderOf(from) !== 'demo' && product.includes(folders[1]) && upward(layers, ...folders);
    },
  },
  {
    why: 'base knows nothing of Postern: it imports packages, Node and itself',
    broken: { from: 'base/log.ts', to: 'scripts/build/tool.ts' },
    refuses: ({ from, to }) =>
      within('base', from) && /^[a-z]+\//.test(to) && !within('base', to) && isFile(to),
  },
  {
    why: `folders of the gateway import those below them: ${gatewayLayers.map((row) => row.join(', ')).join(' ← ')}`,
    broken: { from: 'gateway/request/path.ts', to: 'gateway/routing/router.ts' },
    refuses: ({ from, to }) =>
      within('gateway', from) && within('gateway', to) && upward(gatewayLayers, roomOf(from), roomOf(to)),
  },
  {
    why: 'others import the gateway through its index.ts',
    broken: { from: 'server/listener.ts', to: 'gateway/request/body.ts' },
    refuses: ({ from, to }) => !within('gateway', from) && within('gateway', to) && to !== 'gateway/index.ts',
  },
  {
    why: 'the gateway runs wherever Node runs: no AWS SDK and no CDK in it',
    broken: { from: 'gateway/upstream/client.ts', to: '@aws-sdk/client-secrets-manager' },
    refuses: ({ from, to }) => within('gateway', from) && /^(@aws-sdk|aws-cdk|constructs|@aws-cdk)/.test(to),
  },
  {
    why: 'the gateway listens to nobody; that is the work of a host',
    broken: { from: 'gateway/gateway.ts', to: 'node:http2' },
    refuses: ({ from, to }) => within('gateway', from) && ['node:http2', 'node:cluster', 'hono'].includes(to),
  },
  {
    why: 'lib names functions and extension by path alone: what is deployed is built, not imported, but for names that both use',
    broken: { from: 'lib/gateway.ts', to: 'functions/forwarder/index.ts' },
    refuses: ({ from, to }) =>
      within('lib', from) &&
      ['functions', 'extension', 'server'].some((folder) => within(folder, to)) &&
      !agreements.includes(to),
  },
  {
    why: 'a plugin imports contracts, never another plugin; index.ts joins them',
    broken: { from: 'gateway/plugins/authorize.ts', to: 'gateway/plugins/webhook.ts' },
    refuses: oneOfAKind('gateway/plugins'),
  },
  {
    why: 'a provider imports contracts and schemes, never another provider; index.ts joins them',
    broken: { from: 'gateway/providers/github.ts', to: 'gateway/providers/hmac.ts' },
    refuses: oneOfAKind('gateway/providers', ['gateway/providers/provider.ts']),
  },
  {
    why: 'a transport imports contracts, never another transport; index.ts joins them',
    broken: { from: 'gateway/upstream/transports/socks5.ts', to: 'gateway/upstream/transports/direct.ts' },
    refuses: oneOfAKind('gateway/upstream/transports'),
  },
  {
    why: 'the plugins, providers and transports are joined by their index.ts; what another part needs is a contract',
    broken: { from: 'gateway/config/compile.ts', to: 'gateway/plugins/webhook.ts' },
    refuses: ({ from, to }) =>
      ['gateway/plugins', 'gateway/upstream/transports'].some(
        (folder) => within(folder, to) && !within(folder, from) && !to.endsWith('/index.ts'),
      ),
  },
  {
    why: 'product code never imports tests or benches',
    broken: { from: 'demo/open.ts', to: 'test/support/gateway.ts' },
    refuses: ({ to }) => within('test', to) || within('bench', to),
  },
];

test('the imports that the rules judge are those of the product, in every form', () => {
  const folders = new Set(imports.map(({ from }) => folderOf(from)));
  assert.deepEqual([...folders].toSorted(), product.toSorted());
  const arrows = imports.map(({ from, to }) => `${from} > ${to}`);
  for (const [form, arrow] of [
    ['import', 'gateway/request/path.ts > gateway/answer/refusal.ts'],
    ['import type', 'gateway/request/path.ts > gateway/answer/verdict.ts'],
    ['export from', 'gateway/request/path.ts > gateway/request/path-depths.ts'],
    ['export type from', 'base/schema/cidrs.ts > base/net/address.ts'],
    ['import()', 'gateway/config/yaml.ts > yaml'],
    ['of Node', 'server/listener.ts > node:http'],
  ] as const)
    assert.ok(arrows.includes(arrow), `${form}: ${arrow}`);
});

for (const rule of rules) {
  test(`no import breaks the rule: ${rule.why}`, () => {
    assert.ok(rule.refuses(rule.broken), 'the rule sees nothing');
    const broken = imports.filter(rule.refuses).map(({ from, to }) => `${from} imports ${to}`);
    assert.deepEqual(broken, [], rule.why);
  });
}

/** The first circle of arrows, as the files along it; undefined when there is none. */
function circleIn(arrows: readonly Import[]): readonly string[] | undefined {
  const targets = Map.groupBy(arrows, ({ from }) => from);
  const done = new Set<string>();
  function search(file: string, path: readonly string[]): readonly string[] | undefined {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { to } of targets.get(file) ?? []) {
      const circle = search(to, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  }
  for (const file of targets.keys()) {
    const circle = search(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

test('no imports form a circle, those of types included', () => {
  const arrow = (text: string) => {
    const [from = '', to = ''] = text.split(' > ');
    return { from, to };
  };
  assert.deepEqual(circleIn(['a > b', 'b > c', 'd > b', 'c > d'].map(arrow)), ['b', 'c', 'd', 'b']);
  assert.equal(circleIn(['a > b', 'b > c', 'a > c'].map(arrow)), undefined);
  assert.equal(circleIn(imports), undefined);
});

test('CONTRIBUTING.md names the folders that there are', () => {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const list = text.slice(text.indexOf('## Where things are'), text.indexOf('Imports go one way'));
  const named = [...list.matchAll(/^ {4}( *)([a-z0-9-]+)\/ /gm)].map(([, indent = '', name]) =>
    indent === '' ? name : `gateway/${name}`,
  );
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const folders = tracked.split('\n').flatMap((file) => {
    const [top = '', second = ''] = file.split('/');
    if (!file.includes('/') || top.startsWith('.')) return [];
    return top === 'gateway' && file.split('/').length > 2 ? [top, `${top}/${second}`] : [top];
  });
  assert.deepEqual(
    named,
    named.filter((name, at) => named.indexOf(name) === at),
  );
  assert.deepEqual(named.toSorted(), [...new Set(folders)].toSorted());
});

/** Where each package may be imported: a third party in one place can be replaced in one place. */
const homes: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-secrets-manager': ['functions/rotation/'],
  'aws-cdk-lib': ['lib/', 'bin/app.ts'],
  constructs: ['lib/'],
  re2js: ['gateway/expression/'],
  'fastest-levenshtein': ['base/suggestion.ts'],
  socks: ['gateway/upstream/'],
  'socks-proxy-agent': ['gateway/upstream/tailnet/'],
  undici: ['gateway/upstream/'],
  yaml: ['gateway/config/yaml.ts'],
  'zod/mini': ['base/schema/schema.ts', 'base/schema/schema-problem.ts'],
  esbuild: ['extension/layer/'],
  fflate: ['extension/layer/'],
};

/** Those of the package, where its parts have none of their own: the CDK has one for each service of AWS. */
function homesOf(name: string): readonly string[] {
  return homes[name] ?? homes[name.split('/')[0] ?? ''] ?? [];
}

test('the gateway opens no listener', () => {
  const listening = sources
    .filter((file) => within('gateway', file))
    .filter((file) => /\bcreate(?:Secure)?Server\b/.test(readFileSync(join(root, file), 'utf8')));
  assert.deepEqual(listening, []);
});

test('every third-party package is imported where it belongs and nowhere else', () => {
  const strays = imports
    .filter(
      ({ to }) => !to.startsWith('node:') && !product.includes(folderOf(to)) && !to.startsWith('scripts/'),
    )
    .filter(({ from, to }) => !homesOf(to).some((home) => from.startsWith(home)))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(strays, []);
});

test('every package has its row of reason in RATIONALE.md, and every row is of a package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies' | 'peerDependencies',
    Record<string, string>
  >;
  const { dependencies, devDependencies, peerDependencies } = manifest;
  const names = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
  const rationale = readFileSync(join(root, 'RATIONALE.md'), 'utf8');
  const rows = rationale.slice(rationale.indexOf('## Dependencies')).matchAll(/^\| ([^|]+) \| [^|]+ \|$/gm);
  // The first column alone: a name such as `node` is in many a reason for another package.
  const reasoned = [...rows]
    .flatMap(([, first = '']) => first.replace(/\([^)]*\)/g, '').split(','))
    .map((name) => name.trim())
    .filter((name) => name !== 'package');
  assert.deepEqual(reasoned.toSorted(), names.toSorted());
});

test('no file holds more than one concept: 400 lines at most', () => {
  const long = sources
    .map((file) => [file, readFileSync(join(root, file), 'utf8').split('\n').length - 1] as const)
    .filter(([, lines]) => lines > 400);
  assert.deepEqual(long, []);
});

test('the entry point of each program reads as its architecture: 40 lines at most', () => {
  for (const file of ['bin/postern.ts', 'bin/app.ts', 'extension/main.ts', 'demo/main.ts', 'bench/main.ts']) {
    const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length;
    assert.ok(lines <= 40, `${file} has ${lines} lines`);
  }
});
