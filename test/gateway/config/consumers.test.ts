import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { uncheckedSecrets } from '../../../adapters/secrets/index.ts';
import { everything } from '../../../base/named.ts';
import { parse } from '../../../base/schema/schema.ts';
import { ProblemCollector } from '../../../gateway/config/collector.ts';
import { compileConsumers } from '../../../gateway/config/consumers.ts';
import { parseDocument } from '../../../gateway/config/document.ts';
import { PluginCreator } from '../../../gateway/config/plugin-creator.ts';
import { configurationShape } from '../../../gateway/config/shape.ts';
import { loadGateway } from '../../../gateway/index.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import { request, send } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';

const secret = 'a key of more than sixteen bytes';
const ports = testPorts({ secrets: uncheckedSecrets({ KEY: secret }), warned() {} });

const plugins = await loadPlugins(everything);

/** Compiles the consumers of a configuration, given as the lines below `consumers:`. */
async function compiled(lines: string) {
  const document = await parseDocument({
    file: 'FILE',
    text: `services: {}\nroutes: {}\nconsumers:\n${lines}\n`,
  });
  const parsed = parse(configurationShape(plugins), document.value);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const problems = new ProblemCollector(document);
  const { server, consumers } = parsed.value;
  const create = new PluginCreator(plugins, server, ports, problems);
  return { ...(await compileConsumers(consumers, create, problems)), problems };
}

test('consumers with equal plugins share them, whatever the order in which they are written', async () => {
  const { list, overrides, problems } = await compiled(`
  a: { credentials: ["webhook:a"], plugins: { size-limit: { max: 1KiB }, source-ip: { allow: [192.0.2.1], deny: [192.0.2.2] } } }
  b: { match: "subject.id == 'b'", plugins: { source-ip: { deny: [192.0.2.2], allow: [192.0.2.1] }, size-limit: { max: 1024B } } }
  c: { credentials: ["webhook:c"], plugins: { size-limit: { max: 1KiB }, source-ip: { allow: [192.0.2.3] } } }
  d: { credentials: ["webhook:d"] }
  e: { credentials: ["webhook:e"], plugins: {} }`);
  problems.throwIfAny();
  const [a, b, c, d, e] = list.map((consumer) => consumer.overrides);
  assert.equal(a, b);
  assert.equal(d, e);
  assert.equal(overrides.length, 3);
  assert.notEqual(a, c);
  assert.equal(a?.instances.get('size-limit'), c?.instances.get('size-limit'));
  assert.notEqual(a?.instances.get('source-ip'), c?.instances.get('source-ip'));
});

test('an error in equal plugins is reported for each consumer, and so is a warning', async () => {
  const wrong = 'plugins: { authorize: { allow: "nobody" } }';
  const odd = `plugins: { authorize: { allow: "request.method == (subject.id == 'a' ? 'POST' : 'post')" } }`;
  const { problems } = await compiled(`
  a: { credentials: ["webhook:a"], ${wrong} }
  b: { credentials: ["webhook:b"], ${wrong} }
  c: { credentials: ["webhook:c"], ${odd} }
  d: { credentials: ["webhook:d"], ${odd} }`);
  assert.throws(
    () => problems.throwIfAny(),
    ({ problems: found }: { problems: { path: string }[] }) => {
      assert.deepEqual(
        found.map(({ path }) => path),
        ['a', 'b'].map((id) => `consumers.${id}.plugins.authorize.allow`),
      );
      return true;
    },
  );
  assert.deepEqual(
    problems.warnings().map(({ path }) => path),
    ['c', 'd'].map((id) => `consumers.${id}.plugins.authorize.allow`),
  );
});

test('a caller gets the plugins of the consumer with its credential, of the first expression otherwise, and else those of the route', async () => {
  const answers = (consumers: string) =>
    statusOf(`routes:
  hooks:
    match: { path: /hooks }
    answer: { status: 200 }
    plugins: { webhook: { provider: github, secret: env:KEY } }
services: {}
consumers:
${consumers}`);
  const denies = 'plugins: { authorize: { allow: "false" } }';
  const all = `  all: { match: "subject.type == 'webhook'" }`;
  assert.equal(await answers(`  github: { credentials: ["webhook:github"], ${denies} }`), 403);
  assert.equal(await answers(`${all}\n  github: { credentials: ["webhook:github"], ${denies} }`), 403);
  assert.equal(await answers(`${all}\n  hmac: { credentials: ["webhook:hmac"], ${denies} }`), 200);
  assert.equal(
    await answers(`  hmac: { credentials: ["webhook:hmac"] }\n  all: { match: "true", ${denies} }`),
    403,
  );
  assert.equal(
    await answers(`  hmac: { credentials: ["webhook:hmac", "webhook:git", "webhook:GitHub"], ${denies} }`),
    200,
  );
});

async function statusOf(text: string): Promise<number> {
  const { gateway } = await loadGateway({ file: 'FILE', text }, ports);
  const signature = createHmac('sha256', secret).update('{}').digest('hex');
  const headers = ['host', 'h', 'x-hub-signature-256', `sha256=${signature}`];
  const { status } = await send(gateway, request({ headers, bytes: '{}' }));
  await gateway.close();
  return status;
}
