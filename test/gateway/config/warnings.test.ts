import assert from 'node:assert/strict';
import test from 'node:test';
import { uncheckedSecrets } from '../../../adapters/secrets/unchecked.ts';
import { type ConfigurationProblem, loadGateway } from '../../../gateway/index.ts';
import { noLog } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';

const text = `
services:
  a: { targets: [{ url: http://127.0.0.1:9 }], transport: direct }
routes:
  one: { match: { path: /one }, service: a, plugins: { webhook: { provider: github, secret: env:SHORT } } }
  two: { match: { path: /two }, service: a, plugins: { webhook: { provider: github, secret: env:LONG } } }
`;
const ports = testPorts({
  secrets: uncheckedSecrets({ SHORT: 'ten bytes!', LONG: 'a key of more than sixteen bytes' }),
});

test('a host that asks for warnings gets each at its place', async () => {
  const got: ConfigurationProblem[] = [];
  const { gateway } = await loadGateway(
    { file: 'postern.yaml', text },
    { ...ports, warned: (found) => got.push(...found) },
  );
  await gateway.close();
  assert.deepEqual(
    got.map(({ path, line }) => [path, line]),
    [['routes.one.plugins.webhook.secret', 5]],
  );
});

test('a host that does not ask for warnings has them in its log, once', async () => {
  const lines: unknown[] = [];
  const log = { ...noLog, warn: (event: string, fields: unknown) => lines.push([event, fields]) };
  const { gateway } = await loadGateway({ file: 'postern.yaml', text }, { ...ports, log });
  await gateway.close();
  assert.equal(lines.length, 1);
  assert.match(
    JSON.stringify(lines),
    /^\[\["configuration-warnings",\{"warnings":\["postern.yaml:5:\d+ routes.one.plugins.webhook.secret: the secret env:SHORT makes/,
  );
  assert.ok(!JSON.stringify(lines).includes('ten bytes!'));
});

test('a secret that cannot be read here is a placeholder that every provider takes', async () => {
  const one = 'one: { match: { path: /one }, service: a, plugins: { webhook:';
  for (const options of [
    'provider: github',
    'provider: standard-webhooks',
    'provider: hmac, header: x-sig',
  ]) {
    const asked = text.replace(/one: .*/, `${one} { ${options}, secret: 'secretsmanager:hooks#key' } } }`);
    const { gateway } = await loadGateway({ file: 'postern.yaml', text: asked }, ports);
    await gateway.close();
  }
});

/** The warnings of a configuration whose routes and consumers are given. */
async function warned(routes: string, consumers = '{}'): Promise<readonly string[]> {
  const got: ConfigurationProblem[] = [];
  const source = `${text.slice(0, text.indexOf('routes:'))}routes:\n${routes}\nconsumers: ${consumers}\n`;
  const { gateway } = await loadGateway(
    { file: 'postern.yaml', text: source },
    { ...ports, warned: (found) => got.push(...found) },
  );
  await gateway.close();
  return got.map(({ path, message }) => `${path}: ${message}`);
}

const webhook = 'plugins: { webhook: { provider: github, secret: env:LONG } }';

test('an expression that reads a header which the gateway owns is warned of, on every route: a client may have written it', async () => {
  const rule = (name: string) => `{ authorize: { allow: "request.headers['${name}'] == 'platform'" } }`;
  const got = await warned(
    `  a: { match: { path: /a }, service: a, plugins: ${rule('x-team')} }
  b: { match: { path: /b }, service: a, plugins: ${rule('x-other')} }
  c: { match: { path: /c }, service: a, open: true, plugins: { request-headers: { own: [X_Team], set: { x-team: platform } } } }`,
  );
  assert.deepEqual(
    got.map((line) => line.split('\n')[0]),
    [
      'routes.a.plugins.authorize.allow: the header "x-team" contains whatever the client wrote, and targets never get it',
    ],
  );
});

test('a plugin that takes larger bodies than its host can hold is warned of, at each place', async () => {
  const asked: unknown[] = [];
  const got: ConfigurationProblem[] = [];
  const routes = [
    ['a', 'maxBody: 2001KiB, '],
    ['b', 'maxBody: 2000KiB, '],
    ['c', ''],
  ].map(
    ([name, maxBody]) =>
      `  ${name}: { match: { path: /${name} }, service: a, plugins: { size-limit: { max: 5MiB }, webhook: { ${maxBody}provider: github, secret: env:LONG } } }`,
  );
  const { gateway } = await loadGateway(
    {
      file: 'postern.yaml',
      text: `${text.slice(0, text.indexOf('routes:'))}routes:\n${routes.join('\n')}\nserver: { limits: { memory: 8000KiB } }\n`,
    },
    {
      ...ports,
      warned: (found) => got.push(...found),
      mostHeldBodyBytes({ limits }) {
        asked.push(limits);
        return (limits.memory ?? 0) / 4;
      },
    },
  );
  await gateway.close();
  assert.deepEqual(
    got.map(({ path, line, message }) => [path, line, message]),
    [
      ['routes.a.plugins.webhook', 5, 2001 * 1024],
      ['routes.c.plugins.webhook', 7, 10 * 1024 * 1024],
    ].map(([path, line, bytes]) => [
      path,
      line,
      `it accepts bodies of up to ${bytes} bytes, but the requests of one address can hold only 2048000: larger bodies are refused`,
    ]),
  );
  assert.ok(asked.length > 0);
});

test('open: true on a route that a plugin guards all the same is warned of, and only there', async () => {
  assert.deepEqual(
    await warned(`  a: { match: { path: /a }, service: a, open: true, ${webhook} }
  b: { match: { path: /b }, service: a, open: true, plugins: { source-ip: { deny: [192.0.2.1] } } }
  c: { match: { path: /c }, service: a, open: true }`),
    ['routes.a.open: it has no effect: webhook guards this route'],
  );
});

test('a consumer that no caller can be causes a warning', async () => {
  const policy = 'plugins: { source-ip: { allow: [192.0.2.1] } }';
  const signed = `  a: { match: { path: /a }, service: a, ${webhook} }`;
  const same = `"subject.id == 'github'"`;
  const nobody = (id: string, before: string) =>
    `consumers.${id}.match: no caller is ever this consumer: ${before} comes before it and matches the same callers`;
  assert.deepEqual(await warned(signed, `{ x: { match: ${same} }, y: { match: ${same}, ${policy} } }`), [
    nobody('y', 'x'),
  ]);
  assert.deepEqual(
    await warned(signed, `{ x: { match: 'true' }, y: { match: ${same}, ${policy} }, z: { match: 'false' } }`),
    [nobody('y', 'x'), nobody('z', 'x')],
  );
  assert.deepEqual(await warned(signed, `{ y: { match: ${same}, ${policy} }, x: { match: 'true' } }`), []);
  assert.deepEqual(
    await warned(
      '  a: { match: { path: /a }, service: a, open: true }',
      `{ x: { match: ${same}, ${policy} } }`,
    ),
    ['consumers.x: no caller is ever this consumer: no route has a plugin that identifies the caller'],
  );
});

test('a consumer whose credentials no route can find is warned of', async () => {
  const two = '{ x: { credentials: ["webhook:a"] }, y: { credentials: ["webhook:b"] } }';
  assert.deepEqual(
    await warned('  a: { match: { path: /a }, service: a, open: true }', two),
    ['x', 'y'].map(
      (id) =>
        `consumers.${id}: no caller is ever this consumer: no route has a plugin that identifies the caller`,
    ),
  );
  assert.deepEqual(await warned(`  a: { match: { path: /a }, service: a, ${webhook} }`, two), []);
  const all = `{ x: { match: 'true' }, y: { credentials: ["webhook:a"] } }`;
  assert.deepEqual(await warned(`  a: { match: { path: /a }, service: a, ${webhook} }`, all), []);
});
