import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { zipSync } from 'fflate';
import { bundleFunction, functionNames, root } from '../scripts/build/bundle.ts';
import { copyStaticFiles } from '../scripts/build/static-files.ts';
import { oldestNode } from './support/oldest-node.ts';

// What others install: packed by npm, unpacked beside its dependencies where nothing of the repository is, and used from there.

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
};
const place = mkdtempSync(join(tmpdir(), 'postern-package-'));
const consumer = join(place, 'consumer');
const installed = join(consumer, 'node_modules', 'postern');

before(async function pack() {
  const staged = join(place, 'staged');
  const built = join(staged, 'dist', 'package');
  for (const file of [
    'package.json',
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'LICENSE',
    'bin/postern.mjs',
  ])
    cpSync(join(root, file), join(staged, file));
  run(root, process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'tsconfig.build.json',
    '--outDir',
    built,
  ]);
  await copyStaticFiles(built);
  for (const name of functionNames) await bundleFunction(name, join(staged, 'dist', 'functions', name));
  // Somebody's own configuration, left from `npm run build -- --config`, is nobody else's business.
  writeFileSync(join(staged, 'dist', 'functions', 'forwarder', 'postern.json'), '{}');
  // Stands in for the real layer, which takes Go and minutes; that one is tested from the sources.
  mkdirSync(join(staged, 'dist', 'layer'));
  for (const arch of ['arm64', 'x86_64'])
    writeFileSync(join(staged, 'dist', 'layer', `${arch}.zip`), zipSync({ [arch]: new Uint8Array(1) }));
  run(staged, 'npm', ['pack', '--offline', '--ignore-scripts', '--loglevel=error']);
  mkdirSync(installed, { recursive: true });
  const [archive = ''] = readdirSync(staged).filter((name) => name.endsWith('.tgz'));
  run(installed, 'tar', ['-xzf', join(staged, archive), '--strip-components=1']);
  for (const name of [
    ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    '@types/node',
  ])
    link(name);
  writeFileSync(join(consumer, 'package.json'), '{"type":"module"}');
  writeFileSync(join(consumer, 'postern.yaml'), configuration);
});

after(() => rmSync(place, { recursive: true, force: true }));

test('the package holds what is compiled and built, and nobody else’s configuration', () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(installed.length + 1));
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
  assert.deepEqual(sources, [], 'Node strips no types below node_modules');
  assert.deepEqual(files.filter((file) => file.endsWith('.json')).sort(), [
    'dist/functions/authorizer/parts.json',
    'dist/functions/forwarder/parts.json',
    'package.json',
  ]);
  for (const name of functionNames) assert.ok(files.includes(`dist/functions/${name}/index.mjs`), name);
  assert.ok(files.includes('dist/package/lib/demo/server.py'));
});

test('a stack is synthesized from the package alone, with the configuration checked and put beside the functions', () => {
  writeFileSync(join(consumer, 'app.mjs'), app);
  const { code, layer, config, exported } = JSON.parse(run(consumer, process.execPath, ['app.mjs'])) as {
    readonly code: readonly string[];
    readonly layer: boolean;
    readonly config: unknown;
    readonly exported: readonly string[];
  };
  assert.deepEqual(exported.filter((name) => /Gateway|Tailnet|Stack/.test(name)).sort(), [
    'DemoStack',
    'EdgeFirewallStack',
    'PipelineStack',
    'PosternStack',
    'TailnetKey',
    'TailnetKeyIssuer',
    'TailnetLayer',
    'WebhookGateway',
  ]);
  assert.ok(code.includes('index.mjs') && code.includes('postern.json'), code.join());
  const parts = code.flatMap(
    (file) => /^(webhook|github|hmac|source-ip|tailnet|socks5|direct)-\w+\.mjs$/.exec(file)?.[1] ?? [],
  );
  assert.deepEqual(parts.sort(), ['github', 'tailnet', 'webhook'], 'only what the configuration names');
  assert.ok(layer, 'the layer is the zip of the package');
  assert.deepEqual(Object.keys(config as object), ['services', 'routes']);
});

test('a wrong configuration is refused with its line, from the package too', () => {
  writeFileSync(join(consumer, 'wrong.yaml'), configuration.replace('service: builds', 'service: build'));
  const wrong = app.replace("'postern.yaml'", "'wrong.yaml'");
  writeFileSync(join(consumer, 'wrong.mjs'), wrong);
  assert.throws(
    () => run(consumer, process.execPath, ['wrong.mjs']),
    /wrong\.yaml:6:\d+ routes\.github\.service: unknown service "build"; did you mean "builds"\?/,
  );
});

test('the types are whole: a strict program and the examples of docs/constructs.md compile against the package', () => {
  const page = readFileSync(join(root, 'docs', 'constructs.md'), 'utf8');
  const blocks = page.split(/\n(?! {4}|\n)/).filter((block) => /^ {4}import /m.test(block));
  assert.ok(blocks.length >= 4, `${blocks.length} examples were found`);
  const examples = blocks.map((block) => block.slice(block.indexOf('    import ')).replace(/^ {4}/gm, ''));
  const files = [typed, ...examples].map((text, at) => {
    writeFileSync(join(consumer, `typed-${at}.ts`), text);
    return `typed-${at}.ts`;
  });
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024', '--lib', 'es2024'];
  const modules = ['--module', 'nodenext', '--types', 'node'];
  run(consumer, process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    ...options,
    ...modules,
    ...files,
  ]);
});

// What `tsc` does without a configuration, and with those that people have: the libraries of the DOM, all declarations checked.
for (const options of [
  [],
  ['--strict'],
  ['--strict', '--types', 'node', '--target', 'es2022'],
  ['--strict', '--lib', 'es2024', '--exactOptionalPropertyTypes'],
]) {
  test(`postern/tailnet compiles by TypeScript's own defaults and ${options.join(' ') || 'nothing else'}`, () => {
    writeFileSync(join(consumer, 'caller.ts'), caller);
    const always = ['--noEmit', '--skipLibCheck', 'false', '--module', 'nodenext'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    run(consumer, process.execPath, [tsc, ...always, ...options, 'caller.ts']);
  });
}

test('engines names no Node that a dependency does not run on', () => {
  const least = versionOf(manifest.engines.node);
  const needed = Object.keys(manifest.dependencies).map((name) => {
    const text = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
    return [name, (JSON.parse(text) as { engines?: { node?: string } }).engines?.node ?? '>=0'] as const;
  });
  assert.ok(needed.some(([, node]) => versionOf(node) > 0));
  for (const [name, node] of needed) assert.ok(versionOf(node) <= least, `${name} needs Node ${node}`);
});

test('the package runs on the oldest Node that engines names', (t) => {
  let node: string;
  try {
    node = oldestNode();
  } catch (error) {
    return t.skip((error as Error).message);
  }
  assert.equal(run(consumer, node, ['--version']), `v${manifest.engines.node.replace('>=', '')}\n`);
  const command = join('node_modules', 'postern', 'bin', 'postern.mjs');
  assert.match(run(consumer, node, [command, 'check', 'postern.yaml']), /is in order/);
  writeFileSync(join(consumer, 'app.mjs'), app);
  assert.match(run(consumer, node, ['app.mjs']), /"layer":true/);
  const script =
    "import { tailnetDispatcher } from 'postern/tailnet'; console.log(typeof tailnetDispatcher());";
  assert.equal(run(consumer, node, ['--input-type=module', '-e', script]), 'object\n');
});

test('an older Node, packages that are not installed and a build that is missing: the command says what to do', () => {
  const command = join('bin', 'postern.mjs');
  const inClone = join(place, 'clone');
  const unbuilt = join(place, 'unbuilt');
  for (const folder of [inClone, unbuilt]) {
    for (const file of ['package.json', command]) cpSync(join(root, file), join(folder, file));
  }
  cpSync(join(root, 'bin', 'postern.ts'), join(inClone, 'bin', 'postern.ts'));
  const sayAt = (cwd: string, version?: string) => {
    const pretend = `data:text/javascript,for (const [name, value] of [['version', 'v${version}'], ['versions', { node: '${version}' }]]) Object.defineProperty(process, name, { value });`;
    const args = [...(version === undefined ? [] : ['--import', pretend]), command, 'help'];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
    assert.equal(status, 1, stderr);
    return stderr;
  };
  for (const version of [undefined, '20.20.2'])
    assert.match(
      sayAt(inClone, version),
      /^postern: the packages of this clone are not installed; run `npm ci`/,
    );
  mkdirSync(join(inClone, 'node_modules', 'node'), { recursive: true });
  for (const version of ['18.0.0', '20.20.2', '22.18.9']) {
    const needs = `it needs Node 22.19.0 or later, and this is v${version}; `;
    assert.match(sayAt(inClone, version), new RegExp(`^postern: ${needs}run \`npx postern\` in the clone`));
    assert.match(sayAt(installed, version), new RegExp(`^postern: ${needs}install a newer one from`));
  }
  assert.match(sayAt(unbuilt), /^postern: this package was made without a build; make it with `npm pack`/);
});

test('a package is never packed without its build', () => {
  assert.equal(manifest.scripts.prepack, 'node scripts/run.mjs pack');
});

test('postern/tailnet is imported without the CDK', () => {
  const peers = Object.keys(manifest.peerDependencies);
  for (const name of peers) rmSync(join(consumer, 'node_modules', name));
  const script = "import { tailnetAgent } from 'postern/tailnet'; console.log(typeof tailnetAgent);";
  assert.equal(run(consumer, process.execPath, ['--input-type=module', '-e', script]), 'function\n');
  peers.forEach(link);
});

const configuration = `services:
  builds: { targets: [{ url: http://builder:8080 }], transport: tailnet }
routes:
  github:
    match: { path: /hooks/github, methods: [POST] }
    service: builds
    plugins: { webhook: { provider: github, secret: secretsmanager:github } }
`;

const app = `
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import * as postern from 'postern';

const app = new App({ outdir: 'cdk.out' });
const stack = new postern.PosternStack(app, 'Door', { config: 'postern.yaml', sourceCidrs: ['192.0.2.0/24'] });
const assembly = app.synth();
const { Resources } = assembly.getStackByName('Door').template;
const assetOf = ({ Properties: { Code, Content } }) => 'asset.' + (Code ?? Content).S3Key;
const forwarder = assetOf(Resources[stack.getLogicalId(stack.gateway.forwarder.node.defaultChild)]).slice(0, -4);
const layer = Object.values(Resources).find(({ Type }) => Type === 'AWS::Lambda::LayerVersion');
console.log(JSON.stringify({
  code: readdirSync('cdk.out/' + forwarder),
  layer: existsSync('cdk.out/' + assetOf(layer)),
  config: JSON.parse(readFileSync('cdk.out/' + forwarder + '/postern.json', 'utf8')),
  exported: Object.keys(postern),
}));
`;

const typed = `
import { App, Stack } from 'aws-cdk-lib';
import { TailnetLayer, WebhookGateway, type WebhookGatewayProps } from 'postern';
import { tailnetDispatcher } from 'postern/tailnet';

const stack = new Stack(new App(), 'Typed');
export const layer: TailnetLayer = new TailnetLayer(stack, 'Layer', { ownNode: true });
export const url: string = new WebhookGateway(stack, 'Gateway', {} as WebhookGatewayProps).url;
export const answer: Promise<Response> = fetch(url, { dispatcher: tailnetDispatcher() });
// @ts-expect-error sourceCidrs has no default
export const open: WebhookGatewayProps = { config: 'postern.yaml' };
`;

const caller = `
import http from 'node:http';
import { tailnetAgent, tailnetDispatcher } from 'postern/tailnet';

export const answer: Promise<Response> = fetch('http://builder', { dispatcher: tailnetDispatcher() } as RequestInit);
export const request = http.get('http://builder', { agent: tailnetAgent() });
`;

/** The first version of a range, as one number. */
function versionOf(range: string): number {
  const [major = 0, minor = 0, patch = 0] = (/[\d.]+/.exec(range)?.[0] ?? '').split('.').map(Number);
  return (major * 1000 + minor) * 1000 + patch;
}

function link(name: string): void {
  const path = join(consumer, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), path);
}

function run(cwd: string, command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}
