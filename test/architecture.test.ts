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

const product = ['bin', 'lib', 'gateway', 'functions', 'extension', 'server', 'demo'];
const folderOf = (file: string) => file.split('/')[0] as string;
const imports = await importsOf(sources.filter((file) => product.includes(folderOf(file))));

interface Rule {
  readonly why: string;
  /** An import that breaks it, to prove that the rule sees one. */
  readonly broken: Import;
  readonly refuses: (one: Import) => boolean;
}

const within = (folder: string, file: string) => file.startsWith(`${folder}/`);
/** Whether one file of a folder imports another; what they share lies in `contracts` or in a folder below. */
const oneOfAKind =
  (folder: string, contracts: readonly string[] = []) =>
  ({ from, to }: Import) => {
    const isMember = (file: string) =>
      within(folder, file) && !file.slice(folder.length + 1).includes('/') && !file.endsWith('/index.ts');
    return isMember(from) && isMember(to) && !contracts.includes(to);
  };

const rules: readonly Rule[] = [
  {
    why: 'the gateway decides for every host, so it may know none of them',
    broken: { from: 'gateway/gateway.ts', to: 'server/listener.ts' },
    refuses: ({ from, to }) =>
      within('gateway', from) && product.some((folder) => folder !== 'gateway' && within(folder, to)),
  },
  {
    why: 'the gateway runs wherever Node runs: no AWS SDK and no CDK in it',
    broken: { from: 'gateway/secrets/aws.ts', to: '@aws-sdk/client-secrets-manager' },
    refuses: ({ from, to }) => within('gateway', from) && /^(@aws-sdk|aws-cdk|constructs|@aws-cdk)/.test(to),
  },
  {
    why: 'the gateway listens to nobody; that is the work of a host',
    broken: { from: 'gateway/gateway.ts', to: 'node:http2' },
    refuses: ({ from, to }) => within('gateway', from) && ['node:http2', 'node:cluster', 'hono'].includes(to),
  },
  {
    why: 'functions, extension and server are hosts beside one another; what they share belongs in the gateway',
    broken: { from: 'functions/load.ts', to: 'server/lines.ts' },
    refuses: ({ from, to }) => {
      const hosts = ['functions', 'extension', 'server'];
      return (
        hosts.includes(folderOf(from)) &&
        ['bin', 'lib', 'demo', ...hosts].some((folder) => folder !== folderOf(from) && within(folder, to))
      );
    },
  },
  {
    why: 'lib names functions and extension by path alone: what is deployed is built, not imported',
    broken: { from: 'lib/gateway.ts', to: 'functions/forwarder/index.ts' },
    refuses: ({ from, to }) =>
      within('lib', from) && ['functions', 'extension', 'server'].some((folder) => within(folder, to)),
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
    ['import', 'gateway/path.ts > gateway/refusal.ts'],
    ['import type', 'gateway/path.ts > gateway/verdict.ts'],
    ['export from', 'gateway/path.ts > gateway/path-depths.ts'],
    ['export type from', 'gateway/cidr.ts > gateway/address.ts'],
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

/** Where each package may be imported: a third party in one place can be replaced in one place. */
const homes: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-secrets-manager': ['functions/rotation/'],
  'aws-cdk-lib': ['lib/', 'bin/app.ts'],
  constructs: ['lib/'],
  re2js: ['gateway/expression/'],
  'fastest-levenshtein': ['gateway/suggestion.ts'],
  socks: ['gateway/upstream/'],
  'socks-proxy-agent': ['gateway/upstream/tailnet/'],
  undici: ['gateway/upstream/'],
  yaml: ['gateway/config/yaml.ts'],
  'zod/mini': ['gateway/schema.ts', 'gateway/schema-problem.ts'],
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
