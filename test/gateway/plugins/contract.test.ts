import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { inspect } from 'node:util';
import { jsonSchema, parse } from '../../../base/schema/schema.ts';
import { renderReply } from '../../../gateway/answer/problem.ts';
import type { Refusal } from '../../../gateway/answer/verdict.ts';
import { mentionsOf } from '../../../gateway/config/mentions.ts';
import { isGroup } from '../../../gateway/expression/names.ts';
import { slotOf } from '../../../gateway/pipeline/chains.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import type { Exchange } from '../../../gateway/request/exchange.ts';
import { isTakenAway } from '../../../gateway/request/header-names.ts';
import { requestNames } from '../../../gateway/request/names/names.ts';
import { unreadable } from '../../support/gateway.ts';
import { compile, exchangeOf, names as known } from '../expression/exchange.ts';
import { answer, configure, judge, plugins, type TestHost, testHost } from './configured.ts';
import { type Request, type Sample, samples, secretText } from './samples.ts';

const folder = new URL('../../../gateway/plugins/', import.meta.url);
const docs = new URL('../../../docs/plugins/', import.meta.url);

test('every plugin lies in the file of its name, and every such file is in the index', () => {
  const files = readdirSync(folder).filter((file) => file !== 'index.ts');
  assert.deepEqual(plugins.map(({ name }) => `${name}.ts`).sort(), files.sort());
});

test('every plugin is loaded by its name alone', async () => {
  for (const { name } of plugins) {
    const loaded = await loadPlugins((one) => one === name);
    assert.deepEqual(
      loaded.map((plugin) => plugin.name),
      [name],
    );
  }
});

test('every page in docs/plugins is of a plugin', () => {
  assert.deepEqual(readdirSync(docs).sort(), plugins.map(({ name }) => `${name}.md`).sort());
});

test('no two plugins have the same priority, so that the order never depends on their names', () => {
  assert.equal(new Set(plugins.map(({ priority }) => priority)).size, plugins.length);
});

test('no two plugins add the same name to expressions, and none adds one that every request has', () => {
  const own = plugins.flatMap(({ names = {} }) => Object.keys(names));
  assert.equal(new Set(own).size, own.length);
  assert.equal(Object.keys(known).length, Object.keys(requestNames(isTakenAway)).length + own.length);
});

test('what a plugin adds to expressions has its own name, and so an expression that reads it loads the plugin', () => {
  for (const { name, names = {} } of plugins)
    for (const own of Object.keys(names)) {
      assert.equal(own, name);
      assert.ok(mentionsOf({ match: `!has(${own}.x)` })(name), own);
    }
});

interface Property {
  readonly description?: string;
}
interface ObjectSchema {
  readonly properties?: Readonly<Record<string, Property>>;
  readonly oneOf?: readonly ObjectSchema[];
}

const propertiesOf = (schema: ObjectSchema): readonly (readonly [string, Property])[] =>
  schema.oneOf === undefined ? Object.entries(schema.properties ?? {}) : schema.oneOf.flatMap(propertiesOf);

const exchangeFor = ({ headers = [], clientIp = '192.0.2.7', method = 'POST', bodySize, body }: Request) =>
  exchangeOf({ head: { headers, clientIp, method }, bodySize: bodySize ?? body?.byteLength ?? 0 });

const steps = { spend() {} };

for (const plugin of plugins) {
  const { name } = plugin;
  const sample = samples[name] as Sample;
  const requests = sample.refused === 'never' ? [sample.passes] : [sample.passes, sample.refused];
  const run = async (request: Request, host: TestHost = testHost(secretText)) =>
    judge([await configure(name, sample.options, host)], exchangeFor(request), request.body, host);

  test(`${name} is frozen, and says where it may be configured`, () => {
    assert.ok(Object.isFrozen(plugin));
    assert.ok(plugin.scopes.length > 0);
    if (slotOf(plugin) === undefined) return;
    assert.ok(plugin.priority > 1000);
    // Under entry it could keep no subject, and a consumer is found by the subject.
    assert.ok(!plugin.scopes.includes('entry') && !plugin.scopes.includes('consumer'));
  });

  test(`${name} does not take options that it does not know, nor anything but a map`, () => {
    const parsed = parse(plugin.options, { ...sample.options, unheardOf: 1 });
    assert.ok(!parsed.ok);
    const unknown = parsed.problems.filter(({ unknownKey }) => unknownKey === true);
    assert.deepEqual(
      unknown.map(({ path }) => path),
      [['unheardOf']],
    );
    for (const wrong of [null, [], 'on', true, 1, {}])
      assert.equal(parse(plugin.options, wrong).ok, false, `${wrong}`);
  });

  test(`${name} says what each option means`, () => {
    const properties = propertiesOf(jsonSchema(plugin.options) as ObjectSchema);
    assert.ok(properties.length > 0);
    for (const [key, { description }] of properties) assert.ok((description ?? '').length > 10, key);
  });

  test(`${name} lets through and refuses what its sample says, with a refusal of its table`, async () => {
    assert.equal(await run(sample.passes), undefined);
    if (sample.refused === 'never') {
      assert.equal(plugin.refusals, undefined);
      assert.equal(plugin.guard, undefined);
      return;
    }
    const reply = (await run(sample.refused)) as Refusal;
    assert.equal(reply.kind, 'refuse');
    const { table = {} } = plugin.refusals ?? {};
    assert.deepEqual(table[reply.code], { status: reply.status, title: reply.title });
  });

  test(`${name}: its refusals carry its name, and are refusals`, () => {
    const { table = {} } = plugin.refusals ?? {};
    assert.ok(plugin.refusals === undefined || Object.isFrozen(table));
    for (const [code, { status, title }] of Object.entries(table)) {
      assert.match(code, new RegExp(`^${name}:[a-z-]+$`));
      assert.ok(status >= 400 && status < 600 && title.length > 0);
    }
  });

  test(`${name} does not change its options, which are frozen, and keeps no state between requests`, async () => {
    const instance = await configure(name, sample.options, testHost(secretText));
    const answers: unknown[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (const request of requests) {
        const exchange = exchangeFor(request);
        const reply = await judge([instance], exchange, request.body);
        assert.equal(reply === undefined, request === sample.passes);
        if (request === sample.passes) answers.push(answer([instance], exchange));
      }
    }
    assert.deepEqual(answers, [answers[0], answers[0], answers[0]]);
  });

  test(`${name}: an exception in it refuses, or ends the answer that it would have changed`, async () => {
    const instance = await configure(name, sample.options, testHost(secretText));
    const exchange = exchangeFor(sample.passes);
    const machinery = ['id', 'route', 'trail', 'consumer'];
    const broken = new Proxy(exchange, {
      get(target, key) {
        if (!machinery.includes(String(key))) throw new Error(`broken ${String(key)}`);
        return Reflect.get(target, key);
      },
    }) as Exchange;
    const reply = await judge([instance], broken, sample.passes.body);
    if (reply !== undefined) assert.ok(reply.status >= 400, 'it was let through');
    else assert.throws(() => answer([instance], broken), /broken/, 'it was let through');
  });

  test(`${name}: a plugin that authenticates by the body judges the head first, and reads nothing when that decides`, async () => {
    const instance = await configure(name, sample.options, testHost(secretText));
    const { plugin: one, hooks } = instance;
    const reads = hooks.body !== undefined && hooks.body.kind !== 'none';
    assert.ok(hooks.head === undefined || (reads && hooks.access === undefined), 'head stands for access');
    if (!reads || slotOf(one) === undefined) return;
    assert.ok(hooks.head !== undefined, 'it has no head hook');
    assert.ok((sample.decidedByHead ?? []).length > 0, 'its sample says nothing of the head');
    for (const request of sample.decidedByHead ?? []) {
      const reply = await judge([instance], exchangeFor(request), unreadable);
      assert.ok(reply !== undefined && reply.status >= 400 && reply.status < 500, reply?.code);
    }
  });

  test(`${name}: no secret appears in a reply, its detail, the trail, the log or the plugin`, async () => {
    const host = testHost(secretText);
    const instance = await configure(name, sample.options, host);
    const shown: unknown[] = [inspect(instance, { depth: 10 })];
    for (const request of requests) {
      const exchange = exchangeFor(request);
      const reply = await judge([instance], exchange, request.body, host);
      shown.push(
        answer([instance], exchange),
        exchange.trail,
        exchange.subject,
        inspect(exchange.attributes, { depth: 10 }),
        reply?.detail,
      );
      if (reply !== undefined)
        shown.push(Buffer.from(renderReply(reply, 'id').body).toString(), reply.headers);
    }
    shown.push(host.lines);
    const text = JSON.stringify(shown);
    for (const form of [
      secretText,
      Buffer.from(secretText).toString('hex'),
      Buffer.from(secretText).toString('base64'),
    ])
      assert.ok(!text.includes(form));
  });

  test(`${name}: an expression can write the names that it adds, and they are known once it has let a request through`, async () => {
    const before = exchangeFor(sample.passes);
    const after = exchangeFor(sample.passes);
    const instance = await configure(name, sample.options, testHost(secretText));
    assert.equal(await judge([instance], after, sample.passes.body), undefined);
    for (const [own, named] of Object.entries(plugin.names ?? {})) {
      const fields = isGroup(named)
        ? Object.entries(named.fields).map(([field, one]) => [`${own}.${field}`, one] as const)
        : [[own, named] as const];
      for (const [label, { about, read }] of fields) {
        await compile(`${label} == ${label}`);
        assert.match(about, /^[A-Z].{8,}\.$/);
        assert.equal(read(before, steps), undefined, label);
      }
      assert.ok(
        fields.some(([, { read }]) => read(after, steps) !== undefined),
        own,
      );
    }
  });

  test(`${name}: a subject that it finds has its name as type, so that credentials of consumers can name it`, async () => {
    const exchange = exchangeFor(sample.passes);
    const instance = await configure(name, sample.options, testHost(secretText));
    assert.equal(await judge([instance], exchange, sample.passes.body), undefined);
    const type = slotOf(plugin) === 'subject' ? name : undefined;
    assert.equal(exchange.subject?.type, type);
  });

  test(`${name} has a page with every option and every refusal`, () => {
    const file = new URL(`${name}.md`, docs);
    assert.ok(existsSync(file));
    const page = readFileSync(file, 'utf8');
    assert.ok(page.startsWith(`# ${name}\n`));
    for (const [key] of propertiesOf(jsonSchema(plugin.options) as ObjectSchema))
      assert.ok(page.includes(`\`${key}\``), `the option ${key}`);
    for (const [code, { status }] of Object.entries(plugin.refusals?.table ?? {}))
      assert.match(page, new RegExp(`\`${code}\` \\| ${status} `), code);
    assert.ok(page.includes('```yaml'), 'an example');
  });
}
