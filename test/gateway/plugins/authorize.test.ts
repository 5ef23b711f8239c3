import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { next } from '../../../gateway/answer/verdict.ts';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import { instance } from '../../support/gateway.ts';
import { compile, exchangeOf } from '../expression/exchange.ts';
import { configure, judge } from './configured.ts';

const decide = async (allow: string, parts: Parameters<typeof exchangeOf>[0] = {}) =>
  judge([await configure('authorize', { allow })], exchangeOf(parts));

test('true lets a request through, false refuses it', async () => {
  const allow = "webhook.event in ['push', 'ping']";
  assert.equal(await decide(allow, { webhook: { event: 'push' } }), undefined);
  const reply = await decide(allow, { webhook: { event: 'delete' } });
  assert.deepEqual([reply?.code, reply?.status], ['authorize:denied', 403]);
});

test('what cannot be evaluated is refused with a code of its own, and the log says why', async () => {
  const cases: readonly (readonly [
    allow: string,
    parts: Parameters<typeof exchangeOf>[0],
    detail: RegExp,
  ])[] = [
    ["webhook.event == 'push'", {}, /webhook\.event is not known/],
    ["webhook.payload.ref == 'x'", { webhook: { payload: {} } }, /has no key "ref"/],
    ["!(subject.id == 'x')", {}, /subject\.id is not known/],
    [
      'webhook.payload.all(a, webhook.payload.all(b, webhook.payload.all(c, true)))',
      { webhook: { payload: Array(500).fill(0) } },
      /more than 800000 steps/,
    ],
  ];
  for (const [allow, parts, detail] of cases) {
    const reply = await decide(allow, parts);
    assert.deepEqual([reply?.code, reply?.status], ['authorize:error', 403], allow);
    assert.match(reply?.detail ?? '', detail);
  }
});

test('a policy has the steps that the expressions before it left of a request, and refuses without any', async () => {
  const source = 'webhook.payload.all(item, item >= 0)';
  const match = await compile(source);
  const policy = await configure('authorize', { allow: source });
  const fresh = () => exchangeOf({ webhook: { payload: Array(45_000).fill(1) } });
  assert.equal(await judge([policy], fresh()), undefined);
  const judged = fresh();
  assert.equal(match(judged), true);
  const reply = await judge([policy], judged);
  assert.equal(reply?.code, 'authorize:error');
  assert.match(reply?.detail ?? '', /more than 800000 steps/);
});

test('an expression that does not check is a configuration error at its option, with line, caret and hint', async () => {
  await assert.rejects(configure('authorize', { allow: "webhook.evnt == 'push'" }), (error) => {
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(error.path, ['allow']);
    assert.match(error.message, /has no field "evnt"\n {2}1 \| webhook\.evnt/);
    assert.equal(error.hint, 'did you mean "event"?');
    return true;
  });
});

test('what another part of the gateway throws is no matter of policy, and refuses as an internal error', async () => {
  const exchange = exchangeOf();
  Object.defineProperty(exchange.attributes, 'risk', {
    get: () => {
      throw new TypeError('broken');
    },
  });
  const reply = await judge([await configure('authorize', { allow: 'risk < 1 || true' })], exchange);
  assert.equal(reply?.code, 'gateway:error');
});

test('it runs after what authenticates, and sees what that found', async () => {
  const finds: Hooks = {
    access(exchange) {
      exchange.subject = { type: 'user', id: 'alice' };
      return next;
    },
  };
  const found = instance('finder', 1001, finds, 'authenticates');
  const authorize = await configure('authorize', { allow: "subject.id == 'alice'" });
  assert.equal(await judge([authorize, found], exchangeOf()), undefined);
});
