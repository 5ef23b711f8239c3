import assert from 'node:assert/strict';
import test from 'node:test';
import { parse, s } from '../../../base/schema/schema.ts';
import { answer, next, notResponsible, type Verdict } from '../../../gateway/answer/verdict.ts';
import { ProblemCollector } from '../../../gateway/config/collector.ts';
import { compile } from '../../../gateway/config/compile.ts';
import { parseDocument } from '../../../gateway/config/document.ts';
import { configurationShape } from '../../../gateway/config/shape.ts';
import { InvalidConfiguration, loadGateway } from '../../../gateway/index.ts';
import type { FinishedRequest } from '../../../gateway/observe/finished-request.ts';
import { type Arrival, definePlugin, type Hooks, type Slot } from '../../../gateway/plugin/plugin.ts';
import { gatewayWith, instance, request, send } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';

const load = (parts: object) => loadGateway({ file: 'test.json', text: JSON.stringify(parts) }, testPorts());

test('source-ip under entry judges what no route takes, and guards every route', async () => {
  const { gateway } = await load({
    entry: { 'source-ip': { allow: ['192.0.2.0/24'] } },
    routes: { a: { match: { path: '/a', methods: ['GET'] }, answer: { status: 200 } } },
  });
  const statusOf = async (method: string, target: string, clientIp: string) =>
    (await send(gateway, request({ method, target, clientIp }))).status;
  for (const [method, target, inside] of [
    ['GET', '/a', 200],
    ['POST', '/a', 405],
    ['GET', '/b', 404],
  ] as const) {
    assert.equal(await statusOf(method, target, '192.0.2.7'), inside);
    assert.equal(await statusOf(method, target, '198.51.100.7'), 403);
  }
  await gateway.close();
});

test('what admits everyone under entry guards no route', async () => {
  await assert.rejects(
    load({
      entry: { 'source-ip': { allow: ['0.0.0.0/0'] } },
      routes: { a: { match: { path: '/a' }, answer: { status: 200 } } },
    }),
    InvalidConfiguration,
  );
});

test('a plugin that cannot judge without a route cannot be configured under entry', async () => {
  await assert.rejects(load({ entry: { authorize: { allow: 'true' } }, routes: {} }), /entry/);
});

test('entry plugins run by priority and see method, path, host and address in their one form', async () => {
  const seen: unknown[] = [];
  const see = (name: string, priority: number) =>
    instance(name, priority, {
      entry(arrival: Arrival) {
        seen.push([name, { ...arrival }]);
        return next;
      },
    });
  const gateway = gatewayWith({ entry: [see('low', 1), see('high', 2)] });
  await send(
    gateway,
    request({ target: '/%61?b', headers: ['Host', 'A.example.:443'], clientIp: '::ffff:192.0.2.7' }),
  );
  const arrival = { method: 'POST', path: '/a', host: 'a.example', clientIp: '192.0.2.7' };
  assert.deepEqual(seen, [
    ['high', arrival],
    ['low', arrival],
  ]);
});

test('a malformed request is refused before any entry plugin sees it', async () => {
  const entry = [instance('x', 1, { entry: () => assert.fail('it ran') })];
  for (const overrides of [{ target: '/a/../b' }, { headers: [] }, { clientIp: undefined }])
    assert.ok((await send(gatewayWith({ entry }), request(overrides))).status < 500);
});

test('an entry plugin may answer; an exception refuses unless its onError says next', async () => {
  const broken = () => {
    throw new Error('broken');
  };
  const through = async (hooks: object) =>
    (await send(gatewayWith({ entry: [instance('x', 1, hooks)] }), request())).status;
  assert.equal(await through({ entry: () => answer('x:done', 204) }), 204);
  assert.equal(await through({ entry: broken }), 500);
  assert.equal(await through({ entry: broken, onError: 'next' }), 200);
});

test('a rejected promise from a hook that must decide at once refuses the request, and does not end the process', async (t) => {
  const stray: unknown[] = [];
  const onStray = (error: unknown) => stray.push(error);
  process.on('unhandledRejection', onStray);
  t.after(() => process.off('unhandledRejection', onStray));
  const late = (): never => Promise.reject(new Error('late')) as never;
  const gateways = [
    gatewayWith({ entry: [instance('x', 1, { entry: late })] }),
    gatewayWith({ entry: [instance('x', 1, { entry: late, onError: 'next' })] }),
    gatewayWith({ instances: [instance('x', 1, { head: late })] }),
    gatewayWith({ instances: [instance('x', 1, { head: late, onError: 'next' })] }),
    gatewayWith({ instances: [instance('x', 1, { answer: late })] }),
  ];
  for (const gateway of gateways) assert.equal((await send(gateway, request())).status, 500);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(stray, []);
});

test('the log says which entry plugin refused, and what was asked for', async () => {
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({
    entry: [instance('x', 1, { entry: () => ({ kind: 'refuse', code: 'x:no', status: 403, title: 'no' }) })],
    finished: (record) => records.push(record),
  });
  await send(gateway, request());
  assert.deepEqual(
    [records[0]?.reply?.code, records[0]?.status, records[0]?.request.target],
    ['x:no', 403, '/hooks'],
  );
});

const slot = (name: string, priority: number, authenticates: Slot, verdict: () => Verdict) =>
  instance(name, priority, { access: () => verdict() }, { authenticates });
const passes = (challenge?: string) => () => notResponsible('nothing of mine', challenge);

test('subject and device are found by plugins of their own: one found ends its own kind alone', async () => {
  const ran: string[] = [];
  const find = (name: string, priority: number, kind: Slot) =>
    slot(name, priority, kind, () => {
      ran.push(name);
      return next;
    });
  const instances = [
    find('certificate', 1400, 'device'),
    find('jwt', 1300, 'subject'),
    find('key', 1200, 'subject'),
    find('posture', 1100, 'device'),
  ];
  assert.equal((await send(gatewayWith({ instances }), request())).status, 200);
  assert.deepEqual(ran, ['certificate', 'jwt']);
});

test('a subject without a device is refused where a device is required, with the challenges for the device only', async () => {
  const instances = [
    slot('jwt', 1300, 'subject', passes('Bearer')),
    slot('key', 1200, 'subject', () => next),
    slot('certificate', 1100, 'device', passes('Certificate')),
  ];
  const { status, headers, body } = await send(gatewayWith({ instances }), request());
  assert.deepEqual([status, JSON.parse(body).code], [401, 'gateway:unauthenticated']);
  const challenges = headers.filter((_, at) => headers[at - 1] === 'www-authenticate');
  assert.deepEqual(challenges, ['Certificate']);
});

test('when no plugin knows the caller, one 401 carries all challenges', async () => {
  const instances = [
    slot('jwt', 1300, 'subject', passes('Bearer')),
    slot('certificate', 1200, 'device', passes()),
    slot('basic', 1100, 'subject', passes('Basic realm="a"')),
  ];
  const { status, headers } = await send(gatewayWith({ instances }), request());
  assert.equal(status, 401);
  assert.deepEqual(
    headers.filter((_, at) => headers[at - 1] === 'www-authenticate'),
    ['Bearer', 'Basic realm="a"'],
  );
});

test('a plugin without a hook for its place does not guard a route', async () => {
  const guard = (hooks: Hooks) =>
    definePlugin({
      name: 'x',
      priority: 1,
      guard: { restricts: true },
      scopes: ['entry', 'route'],
      options: s.object({}),
      create: () => hooks,
    });
  async function problemsOf(hooks: Hooks, place: 'entry' | 'route'): Promise<readonly string[]> {
    const document = await parseDocument({ file: 'test.json', text: '{}' });
    const problems = new ProblemCollector(document);
    const route = {
      match: { path: '/' },
      answer: { status: 200 },
      plugins: place === 'route' ? { x: {} } : {},
    };
    const plugins = [guard(hooks)];
    const parsed = parse(configurationShape(plugins), {
      entry: place === 'entry' ? { x: {} } : {},
      routes: { a: route },
    });
    assert.ok(parsed.ok);
    await (await compile(parsed.value, plugins, testPorts(), problems)).close();
    try {
      problems.throwIfAny();
      return [];
    } catch (error) {
      return (error as InvalidConfiguration).problems.map(({ message }) => message);
    }
  }
  const pass = () => next;
  assert.deepEqual(await problemsOf({ entry: pass }, 'entry'), []);
  assert.deepEqual(await problemsOf({ access: pass }, 'route'), []);
  for (const [hooks, place] of [
    [{ access: pass }, 'entry'],
    [{ entry: pass }, 'route'],
    [{ answer() {} }, 'route'],
    [{}, 'entry'],
  ] as const)
    assert.match((await problemsOf(hooks, place)).join(), /no plugin guards this route/);
});
