import assert from 'node:assert/strict';
import test from 'node:test';
import { refusals } from '../../../gateway/answer/refusal.ts';
import { next, notResponsible, type Verdict } from '../../../gateway/answer/verdict.ts';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import { gatewayWith, instance, request, send, unreadable } from '../../support/gateway.ts';

const no = refusals('test', { denied: [403, 'Denied'] });
const whole = { kind: 'all', limitBytes: 100 } as const;

test('a head hook that gives a verdict ends its step, and the body is not read for it', async () => {
  const log: string[] = [];
  const cases: readonly (readonly [verdict: Verdict, status: number, later: boolean])[] = [
    [no.denied(), 403, false],
    [notResponsible('no signature'), 401, false],
    [next, 200, true],
  ];
  for (const [verdict, status, later] of cases) {
    log.length = 0;
    const gateway = gatewayWith({
      instances: [
        instance('head', 9, { body: whole, head: () => verdict }, 'authenticates'),
        instance('later', 1, {
          access() {
            log.push('later');
            return next;
          },
        }),
      ],
    });
    const body = { ...unreadable, forward: () => null };
    assert.equal((await send(gateway, request({ body }))).status, status);
    assert.deepEqual(log, later ? ['later'] : []);
  }
});

test('a head hook that gives a function has it called with the body, and its verdict counts', async () => {
  for (const [verdict, status] of [
    [next, 200],
    [no.denied(), 403],
    [notResponsible('not mine'), 401],
    [undefined, 500],
    [false, 500],
    [() => next, 500],
  ] as const) {
    for (const late of [false, true]) {
      const bodies: string[] = [];
      const gateway = gatewayWith({
        instances: [
          instance(
            'head',
            9,
            {
              body: whole,
              head: () => (body) => {
                bodies.push(Buffer.from(body).toString());
                return (late ? Promise.resolve(verdict) : verdict) as Verdict;
              },
            },
            'authenticates',
          ),
        ],
      });
      assert.equal((await send(gateway, request({ bytes: 'hello' }))).status, status);
      assert.deepEqual(bodies, ['hello']);
    }
  }
});

test('a head hook that throws, waits, or gives anything else refuses before the body is read', async () => {
  const wrong: readonly (() => unknown)[] = [
    () => undefined,
    () => false,
    () => ({}),
    () => Promise.resolve(next),
    () => 'next',
    () => {
      throw new Error('broken');
    },
  ];
  let reads = 0;
  // One that threw when it is read would give the same error.
  const read = () => {
    reads += 1;
    return new Uint8Array(0);
  };
  const body = { ...unreadable, all: read, prefix: read, forward: read };
  for (const head of wrong) {
    const hooks = { body: whole, head: head as NonNullable<Hooks['head']> };
    for (const guard of ['authenticates', 'restricts'] as const) {
      const gateway = gatewayWith({ instances: [instance('head', 9, hooks, guard)] });
      const answer = await send(gateway, request({ body }));
      assert.equal(JSON.parse(answer.body).code, 'gateway:error', `${head}`);
      assert.equal(reads, 0, `${head}`);
    }
  }
});

test('a body that is larger than a head hook wants is refused after the head, and one that the head refuses is not measured', async () => {
  const gateway = (head: Hooks['head']) =>
    gatewayWith({
      instances: [instance('head', 9, { body: whole, ...(head && { head }) }, 'authenticates')],
    });
  const large = 'x'.repeat(101);
  assert.equal(
    (
      await send(
        gateway(() => () => next),
        request({ bytes: large }),
      )
    ).status,
    413,
  );
  assert.equal(
    (
      await send(
        gateway(() => no.denied()),
        request({ bytes: large }),
      )
    ).status,
    403,
  );
});

test('a body that is declared larger than the limit of the route is refused before any plugin is asked', async () => {
  let asked = 0;
  const hooks: Hooks = {
    maxBodyBytes: 100,
    body: whole,
    head() {
      asked += 1;
      return no.denied();
    },
  };
  const gateway = gatewayWith({ instances: [instance('head', 9, hooks, 'authenticates')] });
  for (const [size, status, times] of [
    [101, 413, 0],
    [100, 403, 1],
  ] as const) {
    assert.equal((await send(gateway, request({ bytes: 'x'.repeat(size) }))).status, status);
    assert.equal(asked, times);
  }
});
