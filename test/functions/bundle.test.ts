import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AuthorizerAnswer } from '../../functions/authorizer/authorizer.ts';
import type { HttpApiAnswer } from '../../functions/payload.ts';
import { InvalidConfiguration } from '../../gateway/index.ts';
import { bundleFunction } from '../../scripts/build/bundle.ts';
import { bundleConfiguration } from '../../scripts/build/configuration.ts';
import { authorizerEvent, httpApiEvent } from './events.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-bundle-'));
const target = createServer((request, response) => {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
  });
  request.on('end', () =>
    response.setHeader('x-seen', `${request.method} ${request.url}`).end(`${size} bytes`),
  );
});
let connections = 0;
target.on('connection', () => {
  connections += 1;
});
await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
after(() => {
  target.closeAllConnections();
  target.close();
  rmSync(folder, { recursive: true });
});

const forwarder = await bundleFunction('forwarder', join(folder, 'forwarder'));
const authorizer = await bundleFunction('authorizer', join(folder, 'authorizer'));
/** As built, before a configuration is put beside them. */
const whole = { forwarder: join(folder, 'whole-forwarder'), authorizer: join(folder, 'whole-authorizer') };
cpSync(forwarder.folder, whole.forwarder, { recursive: true });
cpSync(authorizer.folder, whole.authorizer, { recursive: true });
const yaml = join(folder, 'postern.yaml');
writeFileSync(
  yaml,
  `services:
  builds:
    targets: [{ url: "http://127.0.0.1:${(target.address() as AddressInfo).port}" }]
    transport: direct
routes:
  hooks:
    match: { path: /hooks/* }
    service: builds
    plugins:
      source-ip: { allow: [192.0.2.0/24] } # documentation's own range
      authorize: { allow: "request.headers['x-key'].matches('^ri+ght$')" }
`,
);

interface Outcome<Answer> {
  readonly answers: readonly Answer[];
  readonly log: readonly { readonly event: string; readonly [field: string]: unknown }[];
}

async function invoke<Answer>(
  file: string,
  env: Record<string, string>,
  events: readonly unknown[],
): Promise<Outcome<Answer>> {
  const driver = fileURLToPath(new URL('./invoke-bundle.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [driver, file, ...events.map((event) => JSON.stringify(event))],
    { env: { LAMBDA_TASK_ROOT: join(file, '..'), ...env } },
  );
  const lines = stdout.trimEnd().split('\n');
  const last = lines.pop() ?? '';
  return {
    answers: JSON.parse(last.slice('answers '.length)),
    log: lines.map((line) => JSON.parse(line)),
  };
}

function problemsIn(line: { readonly [field: string]: unknown } | undefined): readonly string[] {
  return (line?.problems ?? []) as string[];
}

const right = { host: 'h', 'x-key': 'right' };
const wrong = { host: 'h', 'x-key': 'wrong' };

test('the bundled forwarder takes a request through its configuration to a target and back', async () => {
  await bundleConfiguration(yaml, forwarder.folder);
  const event = httpApiEvent({ method: 'POST', rawPath: '/hooks/a b', headers: right, body: 'four' });
  const { answers, log } = await invoke<HttpApiAnswer>(
    join(forwarder.folder, 'index.mjs'),
    { POSTERN_CONFIG: 'postern.json' },
    [event, event, httpApiEvent({ rawPath: '/hooks/x', headers: wrong })],
  );
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [200, 200, 403],
  );
  assert.equal(connections, 1, 'the connection to the target is kept');
  assert.equal(answers[1]?.headers['x-seen'], 'POST /hooks/a%20b');
  assert.equal(Buffer.from(answers[1]?.body ?? '', 'base64').toString(), '4 bytes');
  assert.deepEqual(
    log.map(({ event: name, status, code }) => [name, status, code]),
    [
      ['request', 200, undefined],
      ['request', 200, undefined],
      ['request', 403, 'authorize:denied'],
    ],
  );
});

test('the bundled forwarder reads YAML too', async () => {
  const { answers } = await invoke<HttpApiAnswer>(
    join(forwarder.folder, 'index.mjs'),
    { POSTERN_CONFIG: yaml },
    [httpApiEvent({ headers: right })],
  );
  assert.equal(answers[0]?.statusCode, 200);
});

const misconfigured: [name: string, env: Record<string, string>, problems: readonly RegExp[]][] = [
  ['no configuration', {}, [/^POSTERN_CONFIG is not set/]],
  ['a missing file', { POSTERN_CONFIG: 'none.json' }, [/^POSTERN_CONFIG is "none.json"; .* \(ENOENT\)/]],
  ['a wrong variable', { POSTERN_SOCKS_PORT: 'x' }, [/^POSTERN_SOCKS_PORT is "x"/]],
  [
    'several mistakes',
    { POSTERN_CONFIG: 'wrong.yaml' },
    [/^wrong\.yaml:2:\d+ services\.a\.targets/, /^wrong\.yaml:4:\d+ routes\.b\.unknown/],
  ],
];
for (const [name, env, problems] of misconfigured) {
  test(`with ${name} the bundled forwarder starts, says all that is wrong once, and answers 503`, async () => {
    writeFileSync(
      join(forwarder.folder, 'wrong.yaml'),
      'services:\n  a: { targets: [] }\nroutes:\n  b: { match: { path: /b }, service: a, unknown: 1, open: true }\n',
    );
    const { answers, log } = await invoke<HttpApiAnswer>(join(forwarder.folder, 'index.mjs'), env, [
      httpApiEvent(),
      httpApiEvent(),
    ]);
    for (const { statusCode, body } of answers) {
      assert.equal(statusCode, 503);
      assert.equal(JSON.parse(Buffer.from(body, 'base64').toString()).code, 'gateway:misconfigured');
    }
    const said = log.filter(({ event }) => event === 'misconfigured');
    assert.equal(said.length, 1);
    for (const problem of problems)
      assert.ok(
        problemsIn(said[0]).some((line) => problem.test(line)),
        String(problemsIn(said[0])),
      );
  });
}

test('the bundled authorizer admits by ranges, and by the policy when there is one', async () => {
  await bundleConfiguration(yaml, authorizer.folder);
  const file = join(authorizer.folder, 'index.mjs');
  const events = [
    authorizerEvent({ headers: wrong }),
    authorizerEvent({ headers: right }),
    authorizerEvent({ sourceIp: '203.0.113.9' }),
  ];
  const verdicts = async (env: Record<string, string>) =>
    (await invoke<AuthorizerAnswer>(file, env, events)).answers.map(
      ({ isAuthorized, context }) => context?.code ?? isAuthorized,
    );
  const ranges = { AUTHD_SOURCE_CIDR: '192.0.2.0/24, 2001:db8::/32' };
  assert.deepEqual(await verdicts(ranges), [true, true, 'authorizer:source']);
  assert.deepEqual(await verdicts({ ...ranges, POSTERN_CONFIG: 'postern.json' }), [
    'authorize:denied',
    true,
    'authorizer:source',
  ]);
});

const refusing: [name: string, env: Record<string, string>, problem: RegExp][] = [
  ['nothing set', {}, /^AUTHD_SOURCE_CIDR is empty/],
  ['a wrong range', { AUTHD_SOURCE_CIDR: '0.0.0.0/0,10.0.0.0/40' }, /wrong range "10\.0\.0\.0\/40"/],
  [
    'a configuration that is not there',
    { AUTHD_SOURCE_CIDR: '0.0.0.0/0', POSTERN_CONFIG: 'none.json' },
    /^POSTERN_CONFIG is "none\.json"/,
  ],
];
for (const [name, env, problem] of refusing) {
  test(`with ${name} the bundled authorizer starts, refuses everyone and says why`, async () => {
    const { answers, log } = await invoke<AuthorizerAnswer>(join(authorizer.folder, 'index.mjs'), env, [
      authorizerEvent(),
    ]);
    assert.deepEqual(answers, [{ isAuthorized: false, context: { code: 'authorizer:misconfigured' } }]);
    assert.deepEqual(
      log.map(({ event }) => event),
      ['misconfigured', 'refused'],
    );
    assert.match(String(problemsIn(log[0])[0]), problem);
    assert.match(String(log[1]?.detail), problem);
  });
}

const parts = ['plugins', 'providers', 'upstream/transports'].flatMap((kind) => {
  const files = readdirSync(new URL(`../../gateway/${kind}/`, import.meta.url));
  const others = ['index.ts', 'provider.ts', 'received-webhook.ts'];
  return files
    .filter((file) => file.endsWith('.ts') && !others.includes(file))
    .map((file) => file.slice(0, -3));
});
const partsOf = (from: string) =>
  parts.filter((name) =>
    readdirSync(from).some((file) => new RegExp(`^${name}-[A-Z0-9]{8}\\.mjs$`).test(file)),
  );

test('a bundle without a configuration has every plugin, provider and transport in a file of its own', () => {
  assert.deepEqual(partsOf(whole.forwarder), parts);
  assert.deepEqual(partsOf(whole.authorizer), parts);
});

const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
const service = (transport: string) => ({ a: { targets: [{ url }], transport } });
const match = { path: '/hooks/*' };
const staged: readonly {
  readonly holds: readonly string[];
  readonly services: object;
  readonly route: object;
  readonly status: number;
}[] = [
  {
    holds: [],
    services: {},
    route: { open: true, answer: { status: 200, body: 'here' } },
    status: 200,
  },
  {
    holds: ['source-ip', 'direct'],
    services: service('direct'),
    route: { service: 'a', plugins: { 'source-ip': { allow: ['192.0.2.0/24'] } } },
    status: 200,
  },
  {
    holds: ['authorize', 'webhook', 'direct'],
    services: service('direct'),
    route: {
      service: 'a',
      plugins: { authorize: { allow: '!has(webhook.event) &&\n!has(answer.status)' } },
    },
    status: 200,
  },
  {
    holds: ['size-limit', 'webhook', 'hmac', 'direct'],
    services: service('direct'),
    route: {
      service: 'a',
      plugins: {
        'size-limit': { max: '1KiB' },
        webhook: { provider: 'hmac', header: 'x-sig', secret: 'env:HOOK' },
      },
    },
    status: 401,
  },
];
for (const { holds, services, route, status } of staged)
  test(`a bundle whose configuration names ${holds.join(', ') || 'nothing'} holds that alone, and runs`, async () => {
    const from = join(mkdtempSync(join(folder, 'staged-')), 'forwarder');
    cpSync(whole.forwarder, from, { recursive: true });
    const source = join(from, '..', 'postern.json');
    writeFileSync(source, JSON.stringify({ services, routes: { a: { match, ...route } } }));
    await bundleConfiguration(source, from);
    assert.deepEqual(partsOf(from), holds);
    const env = { POSTERN_CONFIG: 'postern.json', HOOK: 'a secret of 26 bytes or so' };
    const event = httpApiEvent({ method: 'POST', rawPath: '/hooks/a', body: 'four' });
    const { answers, log } = await invoke<HttpApiAnswer>(join(from, 'index.mjs'), env, [event]);
    assert.equal(answers[0]?.statusCode, status, JSON.stringify(log));
  });

test('a configuration that is wrong does not get into a bundle', async () => {
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, 'services: {}\nroutes: { a: { service: none } }\n');
  await assert.rejects(bundleConfiguration(file, folder), InvalidConfiguration);
});

test('an authorizer of ranges alone loads no more than 21 KiB', () => {
  const loaded = staticImports(authorizer.folder, 'index.mjs');
  const bytes = loaded.reduce((sum, name) => sum + readFileSync(join(authorizer.folder, name)).byteLength, 0);
  assert.ok(bytes < 21 * 1024, `${bytes} bytes in ${loaded.join(', ')}`);
});

test('the parts of undici that are not used stay out', () => {
  const unused = /undici\/lib\/(mock|interceptor|cache|handler|milo|api)\/|undici\/index\.js/;
  assert.deepEqual(
    forwarder.inputs.filter((file) => unused.test(file)),
    [],
  );
  const text = readFileSync(join(forwarder.folder, 'index.mjs'), 'utf8');
  assert.equal(text.includes('node:http2'), false);
});

test('the same sources give the same bytes', async () => {
  const again = await bundleFunction('authorizer', join(folder, 'again'));
  assert.deepEqual(digests(again.folder), digests(whole.authorizer));
});

/** The files that a file loads before it runs. */
function staticImports(from: string, name: string, found: string[] = []): string[] {
  if (found.includes(name)) return found;
  found.push(name);
  const text = readFileSync(join(from, name), 'utf8');
  for (const [, file] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g))
    staticImports(from, file as string, found);
  return found;
}

function digests(from: string): Record<string, string> {
  const names = readdirSync(from).filter((name) => /\.mjs(\.map)?$/.test(name));
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(from, name)))
        .digest('hex'),
    ]),
  );
}
