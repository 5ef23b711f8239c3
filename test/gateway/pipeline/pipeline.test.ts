import assert from 'node:assert/strict';
import test from 'node:test';
import { refusals } from '../../../gateway/answer/refusal.ts';
import { next, notResponsible, type Verdict } from '../../../gateway/answer/verdict.ts';
import { EvaluationError, MissingKey, StepLimitExceeded } from '../../../gateway/expression/index.ts';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import type { Exchange } from '../../../gateway/request/exchange.ts';
import { gatewayWith, instance, request, send } from '../../support/gateway.ts';
import { compile } from '../expression/exchange.ts';

const no = refusals('test', { denied: [403, 'Denied'] });
const recorded = (log: string[], word: string, verdict: Verdict = next): Hooks => ({
  access() {
    log.push(word);
    return verdict;
  },
});

test('plugins run by priority, higher first, ties by name', async () => {
  const log: string[] = [];
  await send(
    gatewayWith({
      instances: [
        instance('low', 1, recorded(log, 'low')),
        instance('b', 5, recorded(log, 'b')),
        instance('a', 5, recorded(log, 'a')),
      ],
    }),
    request(),
  );
  assert.deepEqual(log, ['a', 'b', 'low']);
});

test('a reply ends the run: nothing after it runs and the target hears nothing', async () => {
  const log: string[] = [];
  let calls = 0;
  const gateway = gatewayWith({
    instances: [
      instance('deny', 9, recorded(log, 'deny', no.denied('a detail'))),
      instance('later', 1, recorded(log, 'later')),
    ],
    upstream: {
      timeoutMs: 1000,
      forward() {
        calls += 1;
        return { resume() {}, abort() {} };
      },
      ready: () => ({ ready: true, epoch: 0 }),
      close: async () => {},
    },
  });
  const answer = await send(gateway, request());
  assert.deepEqual(log, ['deny']);
  assert.equal(calls, 0);
  assert.equal(answer.status, 403);
  assert.ok(!answer.body.includes('a detail'));
  assert.deepEqual(Object.keys(JSON.parse(answer.body)), ['type', 'title', 'status', 'code', 'id']);
});

for (const [how, access] of [
  [
    'throws',
    () => {
      throw new Error('broken');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('broken');
    },
  ],
  ['gives nothing', () => undefined as unknown as Verdict],
  ['gives a promise of nothing', async () => undefined as unknown as Verdict],
] as const) {
  test(`a plugin that ${how} refuses`, async () => {
    const answer = await send(gatewayWith({ instances: [instance('broken', 1, { access })] }), request());
    assert.equal(answer.status, 500);
    assert.equal(JSON.parse(answer.body).code, 'gateway:error');
  });
}

test('a plugin whose onError says next is passed over when it throws, but never one that authenticates', async () => {
  const broken: Hooks = {
    onError: 'next',
    access: () => {
      throw new Error('broken');
    },
  };
  assert.equal(
    (await send(gatewayWith({ instances: [instance('broken', 1, broken)] }), request())).status,
    200,
  );
  assert.equal(
    (await send(gatewayWith({ instances: [instance('broken', 1, broken, 'authenticates')] }), request()))
      .status,
    500,
  );
});

test('"not mine" goes on to the next authenticating plugin, and the first that takes responsibility decides', async () => {
  const log: string[] = [];
  const gateway = gatewayWith({
    instances: [
      instance('first', 3000, recorded(log, 'first', notResponsible('no token')), 'authenticates'),
      instance('second', 2000, recorded(log, 'second'), 'authenticates'),
      instance('third', 1500, recorded(log, 'third', no.denied()), 'authenticates'),
    ],
  });
  assert.equal((await send(gateway, request())).status, 200);
  assert.deepEqual(log, ['first', 'second']);
});

test('when no authenticating plugin takes responsibility the request is refused', async () => {
  const log: string[] = [];
  const gateway = gatewayWith({
    instances: [
      instance('only', 3000, recorded(log, 'only', notResponsible('no token')), 'authenticates'),
      instance('acl', 1, recorded(log, 'acl')),
    ],
  });
  const answer = await send(gateway, request());
  assert.equal(answer.status, 401);
  assert.ok(answer.headers.includes('www-authenticate'));
  assert.equal(JSON.parse(answer.body).code, 'gateway:unauthenticated');
  assert.deepEqual(log, ['only']);
});

test('a plugin that authenticates and waits for the consumer admits nobody that it does not know', async () => {
  const statusWith = async (verdict: Verdict) => {
    const only = instance('only', 3000, { access: () => verdict }, 'authenticates');
    const consumers = [{ id: 'c', matches: () => false, instances: [only] }];
    return (await send(gatewayWith({ instances: [only], consumers }), request())).status;
  };
  assert.equal(await statusWith(notResponsible('no token')), 401);
  assert.equal(await statusWith(next), 200);
});

test('plugins that answer at once and plugins that answer later keep their order', async () => {
  const log: string[] = [];
  const late = (word: string): Hooks => ({
    access: async () => {
      await new Promise(setImmediate);
      log.push(word);
      return next;
    },
  });
  const gateway = gatewayWith({
    instances: [
      instance('a', 4, late('a')),
      instance('b', 3, recorded(log, 'b')),
      instance('c', 2, late('c')),
      instance('d', 1, recorded(log, 'd')),
    ],
  });
  await send(gateway, request());
  assert.deepEqual(log, ['a', 'b', 'c', 'd']);
});

test('a plugin gets as much of the body as it asks for, and the target gets all of it', async () => {
  const seen: string[] = [];
  const see: (body: Hooks['body']) => Hooks = (body) => ({
    ...(body && { body }),
    access(_x, bytes) {
      seen.push(Buffer.from(bytes).toString());
      return next;
    },
  });
  let forwarded = '';
  const gateway = gatewayWith({
    instances: [
      instance('none', 3, see(undefined)),
      instance('all', 1, see({ kind: 'all', limitBytes: 100 })),
    ],
    upstream: {
      timeoutMs: 1000,
      forward(call, receiver) {
        forwarded = Buffer.from(call.body as Uint8Array).toString();
        setImmediate(() => {
          receiver.head(204, []);
          receiver.end();
        });
        return { resume() {}, abort() {} };
      },
      ready: () => ({ ready: true, epoch: 0 }),
      close: async () => {},
    },
  });
  await send(gateway, request({ bytes: 'a body' }));
  assert.deepEqual(seen, ['', 'a body']);
  assert.equal(forwarded, 'a body');
});

test('a body larger than a plugin reads is refused with 413', async () => {
  const gateway = gatewayWith({
    instances: [instance('all', 1, { body: { kind: 'all', limitBytes: 3 }, access: () => next })],
  });
  const answer = await send(gateway, request({ bytes: 'long' }));
  assert.equal(answer.status, 413);
});

test('the trail tells what each plugin said, in microseconds', async () => {
  let trail: Exchange['trail'] | undefined;
  const gateway = gatewayWith({
    instances: [
      instance('a', 2, recorded([], 'a'), undefined),
      instance('b', 1, recorded([], 'b', no.denied())),
    ],
    finished: (record) => {
      trail = record.exchange?.trail;
    },
  });
  await send(gateway, request());
  assert.deepEqual(
    trail?.map(({ plugin, result, reason }) => [plugin, result, reason]),
    [
      ['a', 'next', undefined],
      ['b', 'refuse', 'test:denied'],
    ],
  );
  assert.ok(trail?.every(({ microseconds }) => Number.isInteger(microseconds) && microseconds >= 0));
});

test('a consumer gets its own configuration of a plugin, and the general one does not run', async () => {
  const log: string[] = [];
  const identify: Hooks = {
    access: (x) => {
      x.subject = { type: 'key', id: x.header('x-key') ?? '' };
      return next;
    },
  };
  const gateway = gatewayWith({
    instances: [
      instance('key', 1500, identify, 'authenticates'),
      instance('early', 3000, recorded(log, 'general')),
      instance('acl', 900, recorded(log, 'acl')),
    ],
    consumers: [
      {
        id: 'gold',
        matches: (x) => x.subject?.id === 'gold',
        instances: [instance('early', 3000, recorded(log, 'gold'))],
      },
    ],
  });
  await send(gateway, request({ headers: ['host', 'h', 'x-key', 'gold'] }));
  assert.deepEqual(log.splice(0), ['gold', 'acl']);
  await send(gateway, request({ headers: ['host', 'h', 'x-key', 'other'] }));
  assert.deepEqual(log, ['general', 'acl']);
});

const throwing = (error: Error) => () => {
  throw error;
};
const guarded = [instance('guard', 5, { access: () => next }, 'restricts')];

test('an expression of one consumer that fails does not concern those after it, unless its plugins restrict', async () => {
  const log: string[] = [];
  const later = { id: 'later', matches: () => true, instances: [instance('own', 3, recorded(log, 'later'))] };
  for (const [error, instances, expected] of [
    [new MissingKey('no key'), guarded, [200, 'later']],
    [new MissingKey('no key'), [], [200, 'later']],
    [new EvaluationError('no such overload'), guarded, [403, 'gateway:consumer']],
    [new StepLimitExceeded(1), guarded, [403, 'gateway:consumer']],
    [new TypeError('a bug'), guarded, [403, 'gateway:consumer']],
    [new EvaluationError('no such overload'), [], [200, 'later']],
    [new TypeError('a bug'), [], [200, 'later']],
  ] as const) {
    log.length = 0;
    const first = { id: 'first', matches: throwing(error), instances };
    const answer = await send(gatewayWith({ consumers: [first, later] }), request());
    const what = answer.status === 200 ? log.join() : JSON.parse(answer.body).code;
    assert.deepEqual([answer.status, what], expected, `${error.name} ${instances.length}`);
  }
});

test('a consumer that matched before a later one fails is taken', async () => {
  const first = { id: 'first', matches: () => true, instances: [] };
  const second = { id: 'second', matches: throwing(new Error('broken')), instances: guarded };
  assert.equal((await send(gatewayWith({ consumers: [first, second] }), request())).status, 200);
});

for (const [match, properties, status] of [
  ["subject.properties.team == 'a'", {}, 200],
  ["subject.properties['team'].name == 'a'", { team: {} }, 200],
  ["subject.properties.team == 'a'", { team: 'a' }, 403],
  ["subject.properties.team == 'a'", undefined, 200],
  ['subject.properties.team.size() > 1', { team: 7 }, 403],
  ["subject.properties.roles[3] == 'a'", { roles: ['a'] }, 403],
  ['int(subject.id) == 7', {}, 403],
  ["device.type == 'laptop'", {}, 403],
] as const) {
  test(`a consumer with a policy, ${match} on ${JSON.stringify(properties)}: ${status}`, async () => {
    const matches = await compile(match);
    const identify: Hooks = {
      access: (x) => {
        x.subject = { type: 'key', id: 'gold', ...(properties && { properties }) };
        return next;
      },
    };
    const answer = await send(
      gatewayWith({
        instances: [instance('key', 1500, identify, 'authenticates')],
        consumers: [
          { id: 'x', matches, instances: [instance('no', 1, recorded([], '', no.denied()), 'restricts')] },
        ],
      }),
      request(),
    );
    assert.equal(answer.status, status);
  });
}
