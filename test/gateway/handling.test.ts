import assert from 'node:assert/strict';
import test from 'node:test';
import type { FinishedRequest } from '../../gateway/handling.ts';
import type { Hooks } from '../../gateway/plugin.ts';
import { next } from '../../gateway/verdict.ts';
import { gatewayWith, instance, ok, request, send, upstreamOf } from '../support/gateway.ts';

const long = upstreamOf((receiver) => {
  receiver.head(201, [
    'content-length',
    '5',
    'content-encoding',
    'x',
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
  ]);
  receiver.data(Buffer.from('he'));
  receiver.data(Buffer.from('llo'));
  receiver.end();
});

const responds = [
  ['full', 201, 'hello', ['a=1', 'b=2']],
  ['headers', 201, '', ['a=1', 'b=2']],
  ['status', 201, '', []],
  ['none', 204, '', []],
] as const;
for (const [respond, status, body, cookies] of responds) {
  test(`respond: ${respond} sends back status ${status}, ${cookies.length} cookies and ${body.length} bytes`, async () => {
    const answer = await send(gatewayWith({ upstream: long, route: { respond } }), request());
    assert.equal(answer.status, status);
    assert.equal(answer.body, body);
    assert.deepEqual(
      answer.headers.filter((_, at) => at % 2 === 1 && answer.headers[at - 1] === 'set-cookie'),
      cookies,
    );
    assert.ok(answer.headers.includes('x-request-id'));
  });
}

test('every answer carries the id of the request, the one that the platform gave', async () => {
  const answer = await send(gatewayWith({}), request({ id: 'platform-id' }));
  assert.equal(answer.headers[answer.headers.indexOf('x-request-id') + 1], 'platform-id');
});

test('an answer that does not begin before the deadline is a 504', async () => {
  const answer = await send(gatewayWith({ upstream: upstreamOf(() => {}, 20) }), request());
  assert.equal(answer.status, 504);
  assert.equal(JSON.parse(answer.body).code, 'upstream:timeout');
});

test('the deadline of the platform counts when it is nearer', async () => {
  const answer = await send(
    gatewayWith({ upstream: upstreamOf(() => {}, 60_000) }),
    request({ deadlineMs: Date.now() + 20 }),
  );
  assert.equal(answer.status, 504);
});

test('a plugin that never answers ends at the deadline too', async () => {
  const stuck: Hooks = { access: () => new Promise(() => {}) };
  const answer = await send(
    gatewayWith({ instances: [instance('stuck', 1, stuck)], upstream: upstreamOf(ok, 20) }),
    request(),
  );
  assert.equal(answer.status, 504);
});

test('an answer that breaks off is never ended as if it were whole', async () => {
  const upstream = upstreamOf((receiver) => {
    receiver.head(200, ['content-length', '10']);
    receiver.data(Buffer.from('half'));
    receiver.fail({ kind: 'reply', code: 'upstream:reset', status: 502, title: 'reset' });
  });
  const answer = await send(gatewayWith({ upstream }), request());
  assert.equal(answer.status, 200);
  assert.match(answer.aborted ?? '', /upstream:reset/);
});

test('plugins see and change the head of the answer and its body as it streams', async () => {
  const hooks: Hooks = {
    access: () => next,
    responseHeaders: (_x, answer) => {
      answer.headers.push('x-added', '1');
    },
    responseBody: () => ({
      chunk: (bytes) => Buffer.from(Buffer.from(bytes).toString().toUpperCase()),
      end: () => Buffer.from('!'),
    }),
  };
  const answer = await send(
    gatewayWith({ upstream: long, instances: [instance('change', 1, hooks)] }),
    request(),
  );
  assert.equal(answer.body, 'HELLO!');
  assert.ok(answer.headers.includes('x-added'));
  assert.ok(!answer.headers.includes('content-length'));
});

test('an error in a response hook before the head is sent is a 500, later it breaks off', async () => {
  const early = gatewayWith({
    instances: [
      instance('x', 1, {
        responseHeaders: () => {
          throw new Error('broken');
        },
      }),
    ],
  });
  assert.equal((await send(early, request())).status, 500);
  const late = gatewayWith({
    instances: [
      instance('x', 1, {
        responseBody: () => ({
          chunk: (bytes) => bytes,
          end: () => {
            throw new Error('broken');
          },
        }),
      }),
    ],
  });
  assert.match((await send(late, request())).aborted ?? '', /broken/);
});

test('a log hook runs after the last byte and can fail nothing', async () => {
  const order: string[] = [];
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({
    instances: [
      instance('x', 1, {
        log: (x) => {
          order.push(`log ${x.status}`);
          throw new Error('broken');
        },
      }),
    ],
    finished: (record) => records.push(record),
  });
  const answer = await send(gateway, request());
  assert.equal(answer.body, 'ok');
  await new Promise(setImmediate);
  assert.deepEqual(order, ['log 200']);
  assert.equal(records[0]?.sentBytes, 2);
});

test('a refusal of the head needs no route and is told to the log', async () => {
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({ finished: (record) => records.push(record) });
  for (const [overrides, code] of [
    [{ target: '/a/../b' }, 'path:dot-segment'],
    [{ headers: [] }, 'gateway:bad-host'],
    [{ headers: ['host', 'a', 'host', 'b'] }, 'gateway:bad-host'],
    [{ headers: ['host', 'a/b'] }, 'gateway:bad-host'],
    [{ headers: ['host', 'user@a'] }, 'gateway:bad-host'],
  ] as const) {
    assert.equal(JSON.parse((await send(gateway, request(overrides))).body).code, code);
  }
  assert.equal(records.length, 5);
  assert.ok(records.every(({ exchange }) => exchange === undefined));
});

test('the body limit holds where no plugin sets one: 10 MiB', async () => {
  const answer = await send(gatewayWith({}), request({ bytes: 'x'.repeat(10 * 1024 * 1024 + 1) }));
  assert.equal(answer.status, 413);
});

test('deciding runs the plugins and sends nothing', async () => {
  const gateway = gatewayWith({ upstream: upstreamOf(() => assert.fail('the target was called')) });
  const decision = await gateway.decide(request());
  assert.equal(decision.reply, undefined);
  assert.equal(decision.exchange?.head.path, '/hooks');
});
