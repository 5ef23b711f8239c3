import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AccessCheck,
  authorizerRefusals,
  createAuthorizer,
  refuseAll,
} from '../../functions/authorizer/authorizer.ts';
import { createPolicyCheck } from '../../functions/authorizer/decide.ts';
import { createSourceCheck } from '../../functions/authorizer/source.ts';
import { gatewayRefusals } from '../../gateway/answer/refusal.ts';
import { next } from '../../gateway/answer/verdict.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { authorizerEvent, contextWith } from './events.ts';
import { listLog, scriptedGateway } from './gateways.ts';

async function ask(checks: readonly AccessCheck[], event: unknown = authorizerEvent(), remainingMs = 5_000) {
  const { log, lines } = listLog();
  const clock = new VirtualClock();
  const authorizer = createAuthorizer({ checks, log, clock });
  const answer = await clock.run(authorizer(event, contextWith(remainingMs, clock)));
  return { answer, lines, tookMs: clock.monotonic() };
}

const policyOf = (gateway: Gateway | undefined, problems: readonly string[] = []) =>
  createPolicyCheck({ get: async () => gateway, problems });

const ranges = ['192.0.2.0/24', '198.51.100.7', '2001:db8::/32', '::1'];
const sources: [sourceIp: string, admitted: boolean][] = [
  ['192.0.2.1', true],
  ['192.0.3.1', false],
  ['198.51.100.7', true],
  ['198.51.100.8', false],
  ['2001:db8:ffff::1', true],
  ['2001:db9::1', false],
  ['::1', true],
  ['::ffff:192.0.2.1', true],
  ['::ffff:192.0.3.1', false],
  ['192.0.2.01', false],
  ['3221225985', false],
  ['', false],
];
for (const [sourceIp, admitted] of sources) {
  test(`the source ${JSON.stringify(sourceIp)} is ${admitted ? 'admitted' : 'refused'}`, async () => {
    const { answer, lines } = await ask([createSourceCheck(ranges)], authorizerEvent({ sourceIp }));
    if (admitted) return assert.deepEqual({ answer, lines }, { answer: { isAuthorized: true }, lines: [] });
    assert.deepEqual(answer, { isAuthorized: false, context: { code: 'authorizer:source' } });
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.fields.source, sourceIp.replace('::ffff:', ''));
    assert.equal(lines[0]?.fields.id, 'ATfSmjLgPHcESJw=');
  });
}

test('a source that a header claims counts for nothing', async () => {
  const event = authorizerEvent({
    sourceIp: '203.0.113.9',
    headers: {
      host: 'h',
      'x-forwarded-for': '192.0.2.1',
      forwarded: 'for=192.0.2.1',
      'x-real-ip': '192.0.2.1',
    },
  });
  assert.equal((await ask([createSourceCheck(ranges)], event)).answer.isAuthorized, false);
});

test('an empty list and a wrong range are errors that name the variable and the range', () => {
  assert.throws(() => createSourceCheck([]), /AUTHD_SOURCE_CIDR is empty, which refuses everyone/);
  for (const wrong of ['192.0.2.0/33', '192.0.2.1/24', '010.0.0.0/8', 'all', '0.0.0.0/00'])
    assert.throws(
      () => createSourceCheck(['192.0.2.0/24', wrong]),
      (error: Error) => {
        assert.ok(
          error.message.startsWith(`AUTHD_SOURCE_CIDR has the wrong range ${JSON.stringify(wrong)}: `),
        );
        return true;
      },
    );
});

test('a wrong configuration refuses everyone and says so at once and with each request', async () => {
  const { log, lines } = listLog();
  const check = refuseAll('AUTHD_SOURCE_CIDR is empty', log);
  assert.deepEqual(lines, [
    { level: 'error', event: 'misconfigured', fields: { problems: ['AUTHD_SOURCE_CIDR is empty'] } },
  ]);
  const { answer, lines: later } = await ask([check]);
  assert.deepEqual(answer, { isAuthorized: false, context: { code: 'authorizer:misconfigured' } });
  assert.equal(later[0]?.fields.detail, 'AUTHD_SOURCE_CIDR is empty');
});

test('nothing configured refuses', async () => {
  const { answer } = await ask([]);
  assert.equal(answer.context?.code, 'authorizer:misconfigured');
});

test('the policy decides on the head, and what it admits goes to no target', async () => {
  const { gateway, calls } = scriptedGateway(() => {}, [
    (exchange) => (exchange.header('x-key') === 'right' ? next : gatewayRefusals.unauthenticated('no key')),
  ]);
  const right = authorizerEvent({ headers: { host: 'h', 'x-key': 'right' } });
  assert.deepEqual((await ask([policyOf(gateway)], right)).answer, { isAuthorized: true });
  const { answer, lines } = await ask([policyOf(gateway)]);
  assert.deepEqual(answer, { isAuthorized: false, context: { code: 'gateway:unauthenticated' } });
  assert.equal(lines[0]?.fields.detail, 'no key');
  assert.equal(calls.length, 0);
});

test('both must admit: a source out of range is refused before the policy is asked', async () => {
  let asked = 0;
  const policy: AccessCheck = () => {
    asked += 1;
    return undefined;
  };
  const { answer } = await ask([createSourceCheck(['198.51.100.0/24']), policy]);
  assert.equal(answer.context?.code, 'authorizer:source');
  assert.equal(asked, 0);
  const second = await ask([createSourceCheck(['192.0.2.0/24']), () => authorizerRefusals.error()]);
  assert.equal(second.answer.isAuthorized, false);
});

test('an answer that the gateway would give itself is not a refusal', async () => {
  const { gateway } = scriptedGateway(() => {}, [
    () => ({ kind: 'answer', code: 'webhook:challenge', status: 200, body: Buffer.from('echo') }),
  ]);
  assert.deepEqual((await ask([policyOf(gateway)])).answer, { isAuthorized: true });
});

test('a plugin that wants the body refuses, for an authorizer has none', async () => {
  const { gateway } = scriptedGateway(() => {}, [() => next], { kind: 'all', limitBytes: 1_000 });
  const { answer } = await ask([policyOf(gateway)]);
  assert.deepEqual(answer, { isAuthorized: false, context: { code: 'gateway:error' } });
});

test('a declared body over the limit is refused before it is uploaded to the function', async () => {
  const { gateway } = scriptedGateway(() => {}, [() => next], { kind: 'all', limitBytes: 1_000 });
  const event = authorizerEvent({ headers: { host: 'h', 'content-length': '1001' } });
  assert.equal((await ask([policyOf(gateway)], event)).answer.context?.code, 'gateway:body-too-large');
});

test('a policy that could not be loaded refuses, with its problems in the log', async () => {
  const { answer, lines } = await ask([policyOf(undefined, ['a.json: unknown key', 'b'])]);
  assert.equal(answer.context?.code, 'authorizer:misconfigured');
  assert.equal(lines[0]?.fields.detail, 'a.json: unknown key\nb');
});

const failing: [name: string, check: AccessCheck, code: string][] = [
  [
    'throws',
    () => {
      throw new Error('boom');
    },
    'authorizer:error',
  ],
  ['rejects', () => Promise.reject(new Error('boom')), 'authorizer:error'],
  ['never decides', () => new Promise(() => {}), 'authorizer:timeout'],
];
for (const [name, check, code] of failing) {
  test(`a decision that ${name} refuses and never throws`, async () => {
    const { answer, lines } = await ask([check], authorizerEvent(), 300);
    assert.deepEqual(answer, { isAuthorized: false, context: { code } });
    assert.equal(lines.length, 1);
  });
}

for (const [remainingMs, waitMs] of [
  [5_000, 4_750],
  [60_000, 9_000],
] as const) {
  test(`a function with ${remainingMs} ms left waits ${waitMs} ms for a decision, and then refuses`, async () => {
    const { answer, tookMs } = await ask([() => new Promise(() => {})], authorizerEvent(), remainingMs);
    assert.deepEqual(answer, { isAuthorized: false, context: { code: 'authorizer:timeout' } });
    assert.equal(tookMs, waitMs);
  });
}
