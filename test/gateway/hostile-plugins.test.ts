import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { compileChain } from '../../gateway/config/chains.ts';
import { messageOf } from '../../gateway/message-of.ts';
import type { Hooks } from '../../gateway/plugin.ts';
import { next } from '../../gateway/verdict.ts';
import { byName, gatewayWith, instance, request, send } from '../support/gateway.ts';

// A rejection or an exception that nobody takes ends the process, and with it all other requests.
const strays: unknown[] = [];
const onStray = (error: unknown) => void strays.push(error);
process.on('unhandledRejection', onStray).on('uncaughtException', onStray);
after(() => process.off('unhandledRejection', onStray).off('uncaughtException', onStray));

const refuses = (): never => {
  throw new Error('broken');
};
const wordless: Error = Object.defineProperty(new Error('x'), 'message', { get: refuses });
const rejected = () => Promise.reject(new Error('nobody waits')) as never;
const all = { kind: 'all', limitBytes: 100 } as const;
const access = () => next;

for (const [how, hooks] of [
  [
    'throws an error whose message cannot be read',
    {
      access: () => {
        throw wordless;
      },
    },
  ],
  [
    'rejects with an error whose message cannot be read',
    {
      access: async () => {
        throw wordless;
      },
    },
  ],
  [
    'throws what has no words',
    {
      access: async () => {
        throw Object.create(null);
      },
    },
  ],
  [
    'gives a verdict that cannot be read',
    {
      access: () =>
        new Proxy(next, {
          get: () => {
            throw wordless;
          },
        }),
    },
  ],
  ['judges the head by a promise', { body: all, head: rejected }],
  ['changes the head by a promise', { access, responseHeaders: rejected }],
  [
    'leaves a head that cannot be read',
    {
      access,
      responseHeaders: (_x, answer) => {
        answer.headers = new Proxy([], {
          get: () => {
            throw wordless;
          },
        });
      },
    },
  ],
  ['opens a transform by a promise', { access, responseBody: rejected }],
  [
    'has a transform that cannot be read',
    {
      access,
      responseBody: () => ({
        get chunk(): never {
          throw wordless;
        },
      }),
    },
  ],
  ['transforms a chunk by a promise', { access, responseBody: () => ({ chunk: rejected }) }],
  [
    'ends a transform by a promise',
    { access, responseBody: () => ({ chunk: (bytes) => bytes, end: rejected }) },
  ],
  ['logs by a promise', { access, log: rejected }],
  [
    'logs and throws what has no words',
    {
      access,
      log: () => {
        throw wordless;
      },
    },
  ],
] satisfies readonly (readonly [string, Hooks])[] as readonly (readonly [string, Hooks])[]) {
  test(`a plugin that ${how} ends its own request at most`, async () => {
    const answer = await send(
      gatewayWith({ instances: [instance('p', 1, hooks)] }),
      request({ bytes: 'a body' }),
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(strays.splice(0), []);
    const isLate = how.startsWith('logs') || how.includes('transform');
    assert.ok(answer.status === 500 || (isLate && answer.status === 200), `${answer.status}`);
    if (how.startsWith('transforms') || how.startsWith('ends'))
      assert.match(answer.aborted ?? '', /a promise/);
  });
}

test('a plugin cannot add what the gateway or the connection says to the target', async () => {
  for (const name of [
    'Content-Length',
    'transfer-encoding',
    'connection',
    'Host',
    'te',
    'x-forwarded-for',
    'Forwarded',
    'x-request-id',
  ]) {
    const hooks: Hooks = {
      access(exchange) {
        exchange.setUpstreamHeader(name, '1');
        return next;
      },
    };
    const answer = await send(gatewayWith({ instances: [instance('p', 1, hooks)] }), request());
    assert.equal(answer.status, 500, name);
  }
});

test('whatever was thrown, a message is made of it', () => {
  for (const thrown of [
    undefined,
    Symbol('s'),
    Object.create(null),
    wordless,
    { toString: refuses },
    () => {},
  ])
    assert.equal(typeof messageOf(thrown), 'string');
});

test('a chain of a consumer begins with the steps that ran before the consumer was known', () => {
  const base = [
    instance('a', 3000, { access }),
    instance('b', 2000, { access }, 'authenticates'),
    instance('c', 900, { access }),
  ];
  const own = [
    instance('a', 3000, { access }),
    instance('d', 1, { access }),
    instance('e', 2500, { access }),
  ];
  const perConsumer = new Set(own.map(({ plugin }) => plugin.name));
  const chain = compileChain(byName(...base), perConsumer);
  const forConsumer = compileChain(byName(...base, ...own), perConsumer);
  assert.equal(chain.consumerAt, forConsumer.consumerAt);
  const names = (from: typeof chain) => from.access.map(({ plugin }) => plugin);
  assert.deepEqual(names(chain), ['b', 'a', 'c']);
  assert.deepEqual(names(forConsumer), ['b', 'a', 'e', 'c', 'd']);
});
