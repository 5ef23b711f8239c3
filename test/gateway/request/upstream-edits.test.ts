import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../base/clock.ts';
import { hopByHop } from '../../../base/http/headers.ts';
import { next } from '../../../gateway/answer/verdict.ts';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import { compileAllowedHeaders, foldName, isTakenAway } from '../../../gateway/request/header-names.ts';
import { editableHeader, UpstreamEdits } from '../../../gateway/request/upstream-edits.ts';
import { createUpstream } from '../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import { gatewayWith, instance, request, send } from '../../support/gateway.ts';
import { createTransport } from '../../support/transport.ts';
import { startRawTarget } from '../upstream/fixtures/raw-target.ts';

/** Sends a request through a gateway with these plugins to a real target: the lines of the head that the target reads. */
async function linesAtTarget(
  t: TestContext,
  sent: readonly string[],
  hooks: readonly Hooks[],
  allowed: readonly string[] = [],
): Promise<{ readonly status: number; readonly code: unknown; readonly lines: readonly string[] }> {
  let received = '';
  const target = await startRawTarget(t, (socket, _, text) => {
    received += text;
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
  });
  const through = createTransport('direct', { clock: systemClock, tailnet: readTailnetPorts({}) });
  const upstream = createUpstream({
    targets: [parseTarget(`http://target.test:${target.port}`)],
    transport: {
      connect: (_, withinMs) => through.connect({ host: '127.0.0.1', port: target.port }, withinMs),
      ready: () => ({ ready: true, epoch: 0 }),
      close: () => through.close(),
    },
    timeoutMs: 10_000,
  });
  t.after(() => upstream.close());
  const headersAllow = compileAllowedHeaders(allowed, isTakenAway);
  const gateway = gatewayWith({
    upstream,
    instances: hooks.map((one, at) => instance(`p${at}`, 100 - at, one)),
    route: { headersAllow },
  });
  const headers = ['host', 'hooks.example.com', ...sent];
  const answer = await send(gateway, request({ method: 'GET', headers }));
  return { status: answer.status, code: JSON.parse(answer.body).code, lines: received.split('\r\n') };
}

/** Edits that name their header each time. */
const byName = (edits: UpstreamEdits) => ({
  set: (name: string, value: string) => edits.set(editableHeader(name), value),
  add: (name: string, value: string) => edits.add(editableHeader(name), value),
  remove: (name: string) => edits.remove(editableHeader(name)),
});
type ByName = ReturnType<typeof byName>;

/** A plugin that edits in its access hook. */
const edits = (edit: (toUpstream: ByName) => void): Hooks => ({
  access({ toUpstream }) {
    edit(byName(toUpstream));
    return next;
  },
});

const named = (lines: readonly string[], ...names: readonly string[]) =>
  lines.filter((line) => names.includes(foldName(line.split(':')[0] ?? '')));

test("a header that a plugin sets replaces the client's headers in all spellings that a server folds", async (t) => {
  const sent = [
    'X-Team',
    'forged',
    'x-team',
    'forged',
    'x_tenant',
    'forged',
    'X_Team',
    'forged',
    'X-Other',
    '1',
  ];
  const set = edits((toUpstream) => {
    toUpstream.set('x-team', 'real');
    toUpstream.set('X-Tenant', 'own');
  });
  const { lines } = await linesAtTarget(t, sent, [set], ['x_tenant']);
  assert.deepEqual(named(lines, 'x-team', 'x-tenant', 'x-other'), [
    'X-Other: 1',
    'x-team: real',
    'X-Tenant: own',
  ]);
});

test('without a plugin that edits, the client headers arrive as they were sent', async (t) => {
  const { lines } = await linesAtTarget(t, ['X-Team', 'a', 'x-team', 'b', 'x_tenant', 'c'], [], ['x_tenant']);
  assert.deepEqual(named(lines, 'x-team', 'x-tenant'), ['X-Team: a', 'x-team: b', 'x_tenant: c']);
});

test('an added header stands behind those of the client, in the spelling of the plugin', async (t) => {
  const add = edits((toUpstream) => {
    toUpstream.add('X-Team', 'b');
    toUpstream.add('x-team', 'c');
  });
  const { lines } = await linesAtTarget(t, ['x-team', 'a'], [add]);
  assert.deepEqual(named(lines, 'x-team'), ['x-team: a', 'X-Team: b', 'x-team: c']);
});

test('a removed header does not reach the target, in any spelling, and expressions still read what the client sent', async (t) => {
  const read: (string | undefined)[] = [];
  const remove = edits((toUpstream) => {
    toUpstream.remove('Authorization');
    toUpstream.remove('x-tenant');
  });
  const after: Hooks = {
    access(exchange) {
      read.push(exchange.header('authorization'), exchange.header('x-tenant'));
      return next;
    },
  };
  const sent = ['authorization', 'Bearer x', 'AUTHORIZATION', 'y', 'x_tenant', 'a', 'x-kept', '1'];
  const { lines } = await linesAtTarget(t, sent, [remove, after], ['x_tenant']);
  assert.deepEqual(named(lines, 'authorization', 'x-tenant', 'x-kept'), ['x-kept: 1']);
  assert.deepEqual(read, ['Bearer x, y', 'a']);
});

test('edits apply in the order of the plugins', async (t) => {
  const first = edits((toUpstream) => {
    toUpstream.add('x-a', '2');
    toUpstream.remove('x-b');
  });
  const second = edits((toUpstream) => {
    toUpstream.set('x_a', '3');
    toUpstream.add('X-A', '4');
    toUpstream.add('x-b', '5');
  });
  const early = edits((toUpstream) => {
    toUpstream.set('x-a', '1');
    toUpstream.set('x-b', '1');
  });
  const { lines } = await linesAtTarget(t, ['x-a', '0'], [early, first, second]);
  assert.deepEqual(named(lines, 'x-a', 'x-b'), ['x_a: 3', 'X-A: 4', 'x-b: 5']);
});

test('a plugin may say who the client is, by names that no client can send', async (t) => {
  const says = edits((toUpstream) => toUpstream.set('X-Consumer-Id', 'acme'));
  const { lines } = await linesAtTarget(t, ['x-consumer-id', 'forged'], [says]);
  assert.deepEqual(named(lines, 'x-consumer-id'), ['X-Consumer-Id: acme']);
});

const refused = [
  ...hopByHop,
  'host',
  'content-length',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-anything',
  'x-request-id',
];
const ways: readonly (readonly [string, (toUpstream: ByName, name: string) => void])[] = [
  ['set', (toUpstream, name) => toUpstream.set(name, 'x')],
  ['add', (toUpstream, name) => toUpstream.add(name, 'x')],
  ['remove', (toUpstream, name) => toUpstream.remove(name)],
];

for (const name of refused) {
  test(`no plugin changes ${name} for the target, in any spelling`, () => {
    for (const [way, edit] of ways) {
      for (const spelt of [name, name.toUpperCase(), name.replaceAll('-', '_'), name.replaceAll('-', '.')])
        assert.throws(
          () => edit(byName(new UpstreamEdits()), spelt),
          (error: Error) =>
            error.message.startsWith(`a plugin may not change the header ${spelt} for the target: `),
          `${way} ${spelt}`,
        );
    }
  });
}

test('an edit that is not allowed or malformed is an error of the plugin, and nothing reaches the target', async (t) => {
  for (const [, edit] of ways) {
    for (const name of ['Content-Length', 'x a', 'x-a\r\nx-b', '']) {
      const { status, code, lines } = await linesAtTarget(
        t,
        [],
        [edits((toUpstream) => edit(toUpstream, name))],
      );
      assert.deepEqual([status, code, lines], [500, 'gateway:error', ['']], name);
    }
  }
});

test('a value that is no value is refused when it is set, by a message without it', () => {
  for (const value of ['secret\r\nx: y', 'secret\n', 'secret\0', 'secret €', undefined, 7]) {
    for (const way of ['set', 'add'] as const) {
      const list = ['x-a', 'old'];
      const toUpstream = new UpstreamEdits();
      assert.throws(
        () => byName(toUpstream)[way]('x-a', value as string),
        /^Error: the value of the header x-a is malformed$/,
      );
      toUpstream.apply(list);
      assert.deepEqual(list, ['x-a', 'old']);
    }
  }
});

test('edits on any list give what the same edits on pairs give, and the same again for another attempt', () => {
  const name = fc.constantFrom('x-a', 'X_A', 'x.a', 'x-b', 'X-B', 'x-ab');
  const value = fc.constantFrom('1', '2', '3');
  const edit = fc.record({
    way: fc.constantFrom('set' as const, 'add' as const, 'remove' as const),
    name,
    value,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), fc.array(edit), (sent, all) => {
      const toUpstream = new UpstreamEdits();
      let model = sent;
      for (const { way, name, value } of all) {
        if (way === 'remove') byName(toUpstream).remove(name);
        else byName(toUpstream)[way](name, value);
        if (way !== 'add') model = model.filter(([other]) => foldName(other) !== foldName(name));
        if (way !== 'remove') model = [...model, [name, value]];
      }
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const list = sent.flat();
        toUpstream.apply(list);
        assert.deepEqual(list, model.flat());
      }
    }),
    { numRuns: 2_000 },
  );
});
