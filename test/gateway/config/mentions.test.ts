import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../base/clock.ts';
import { parseDocument } from '../../../gateway/config/document.ts';
import { mentionsOf } from '../../../gateway/config/mentions.ts';
import { InvalidConfiguration, loadGateway, readTailnetPorts } from '../../../gateway/index.ts';

const silent = { info() {}, warn() {}, error() {} };
const ports = {
  clock: systemClock,
  log: silent,
  secrets: { get: async () => Buffer.from('a secret of 26 bytes or so') },
  tailnet: readTailnetPorts({}),
};

const configuration = (plugins: string, transport = 'direct') => `
services:
  a: { targets: [{ url: "http://a.test" }], transport: "${transport}" }
routes:
  a: { match: { path: /a }, service: a, plugins: ${plugins} }
`;
const addresses = '{ source-ip: { allow: [192.0.2.0/24] } }';

/** The files of plugins, providers and transports that are loaded with a configuration, in a process of its own. */
function loadedBy(text: string): readonly string[] {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { loadGateway, readTailnetPorts } = await import('./gateway/index.ts');
    const { systemClock } = await import('./base/clock.ts');
    const log = { info() {}, warn() {}, error() {} };
    const secrets = { get: async () => Buffer.from('a secret of 26 bytes or so') };
    const source = { file: 'postern.yaml', text: process.argv[1] };
    await loadGateway(source, { clock: systemClock, log, secrets, tailnet: readTailnetPorts({}) });
    console.log(JSON.stringify(loaded));
  `;
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script, text], {
    cwd,
    encoding: 'utf8',
  });
  const part = /\/gateway\/(?:plugins|providers|upstream\/transports)\/([a-z0-9-]+)\.ts$/;
  const names = (JSON.parse(out) as string[]).map((url) => part.exec(url)?.[1] ?? '');
  return names.filter((name) => !['', 'index', 'provider', 'received-webhook'].includes(name)).sort();
}

test('a configuration loads the plugins, providers and transports that it names, and no others', () => {
  assert.deepEqual(loadedBy(configuration(addresses)), ['direct', 'source-ip']);
  assert.deepEqual(
    loadedBy(
      configuration('{ webhook: { provider: hmac, header: x-sig, secret: env:X } }', 'SOCKS5://127.0.0.1:1'),
    ),
    ['hmac', 'socks5', 'webhook'],
  );
});

test('an expression can use the names of a plugin that no route has', () => {
  const authorize = `{ authorize: { allow: "request.method == 'POST' &&\\n1 - 1 == 0 && webhook.event == 'push'" } }`;
  assert.deepEqual(loadedBy(configuration(authorize)), ['authorize', 'direct', 'webhook']);
});

test('a name counts however the file writes it', async () => {
  for (const text of [
    '{ "source\\u002dip": {} }',
    '{ a: [{ b: "source-ip" }] }',
    'a: |\n  x\n  source-ip\n',
    'a: &one { source-ip: {} }\nb: *one\n',
    'a: SOURCE-IP\n',
  ]) {
    const { value } = await parseDocument({ file: 'postern.yaml', text });
    assert.ok(mentionsOf(value)('source-ip'), text);
    assert.ok(!mentionsOf(value)('size-limit'), text);
  }
  assert.equal(mentionsOf(undefined)('source-ip'), false);
});

const misspelt: readonly (readonly [plugins: string, message: RegExp])[] = [
  ['{ sourceip: { allow: [192.0.2.0/24] } }', /unknown key; did you mean "source-ip"\?/],
  ['{ webhook: { provider: githab, secret: env:X } }', /did you mean "github"\?/],
  [`{ authorize: { allow: "webhok.event == 'push'" } }`, /unknown name "webhok"; did you mean "webhook"\?/],
  ['{}', /configure one of source-ip, (?:[a-z-]+, )*webhook, /],
];
for (const [plugins, message] of misspelt)
  test(`of ${plugins} the message names plugins and providers that nobody mentions`, async () => {
    await assert.rejects(
      loadGateway({ file: 'postern.yaml', text: configuration(plugins) }, ports),
      (error: Error) => error instanceof InvalidConfiguration && message.test(error.message),
    );
  });
