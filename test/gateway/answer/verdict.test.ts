import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { renderReply } from '../../../gateway/answer/problem.ts';
import { refusals } from '../../../gateway/answer/refusal.ts';
import {
  answer,
  describe,
  next,
  notResponsible,
  type Reply,
  type Verdict,
} from '../../../gateway/answer/verdict.ts';
import type { Hooks } from '../../../gateway/plugin/plugin.ts';
import { type Collected, gatewayWith, instance, request, send } from '../../support/gateway.ts';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withTypedArray: true,
});
/** Objects that look like verdicts: some are, most lack a part or have a wrong one. */
const almost = fc.record(
  {
    kind: fc.oneof(fc.constantFrom('next', 'not-responsible', 'refuse', 'answer', 'reply', 'Next'), anything),
    reason: fc.oneof(fc.string(), anything),
    code: fc.oneof(fc.constant('test:no'), anything),
    status: fc.oneof(fc.integer({ min: 0, max: 1_000 }), anything),
    title: fc.oneof(fc.string(), anything),
    headers: fc.oneof(fc.array(fc.string()), fc.constant(['x-a', 'b']), anything),
    body: fc.oneof(fc.uint8Array(), anything),
  },
  { requiredKeys: [] },
);
/** What is no native promise and has a `then`; one that never calls back must not hang the request. */
const thenables = fc.oneof(almost, anything).chain((value) =>
  fc.constantFrom(
    // biome-ignore lint/suspicious/noThenProperty: a foreign thenable is what is tested
    { then: (done: (value: unknown) => void) => done(value) },
    // biome-ignore lint/suspicious/noThenProperty: the same
    { kind: 'wait', then: () => {} },
    Object.create(Promise.prototype),
  ),
);
const outputs = fc.oneof(almost, anything, thenables);
const hooksOf = (phase: 'access' | 'entry', output: () => unknown, onError: Hooks['onError']): Hooks => ({
  [phase]: output,
  ...(onError && { onError }),
});

const rejected = Symbol('rejected');
const kindOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
/** In which cases a plugin's output admits, put as simply as can be. */
const admits = (value: unknown): boolean => kindOf(value) === 'next';

for (const guard of ['restricts', 'authenticates', undefined] as const) {
  for (const late of [false, true]) {
    for (const onError of ['refuse', 'next'] as const) {
      const which = `${guard ?? 'guards nothing'}, onError: ${onError}${late ? ', in a promise' : ''}`;
      test(`whatever a plugin gives back, only "next" admits: ${which}`, async () => {
        await fc.assert(
          fc.asyncProperty(outputs, async (value) => {
            // A promise takes a thenable's value for its own, as the language has it: then that value counts.
            const wrapped = () => (late ? Promise.resolve({ value }).then((box) => box.value) : value);
            let settled: unknown = value;
            if (late) {
              if (kindOf(value) === 'wait') return;
              settled = await wrapped().catch(() => rejected);
              // An exception, which onError is for.
              if (settled === rejected && onError === 'next' && guard !== 'authenticates') return;
            }
            const hooks = hooksOf('access', wrapped, onError);
            const collected = await send(
              gatewayWith({ instances: [instance('tested', 1, hooks, guard)] }),
              request(),
            );
            if (admits(settled)) assert.equal(collected.status, 200);
            else if (collected.status === 200) assert.equal(kindOf(settled), 'answer');
            else checkRefused(collected, settled, guard);
          }),
          { numRuns: 300 },
        );
      });
    }
  }
}

function checkRefused(collected: Collected, given: unknown, guard: string | undefined): void {
  if (kindOf(given) === 'refuse' || kindOf(given) === 'answer') return;
  const { code } = JSON.parse(collected.body);
  if (kindOf(given) === 'not-responsible' && guard === 'authenticates' && collected.status === 401)
    assert.equal(code, 'gateway:unauthenticated');
  else assert.deepEqual([collected.status, code], [500, 'gateway:error']);
}

test('an entry hook must return a verdict too: anything else refuses', async () => {
  for (const value of [
    undefined,
    false,
    {},
    'next',
    notResponsible('no'),
    { kind: 'refuse' },
    Promise.resolve(next),
  ]) {
    for (const onError of ['refuse', 'next'] as const) {
      const hooks = hooksOf('entry', () => value, onError);
      assert.equal((await send(gatewayWith({ entry: [instance('x', 1, hooks)] }), request())).status, 500);
    }
  }
});

const malformed: readonly unknown[] = [
  undefined,
  null,
  false,
  true,
  0,
  {},
  [],
  'next',
  () => next,
  { kind: 'not-responsible' },
  { kind: 'not-responsible', reason: 'x', challenge: 'Bearer\r\nset-cookie: a=1' },
  { kind: 'refuse' },
  { kind: 'refuse', code: 'a:b', status: 200, title: 't' },
  { kind: 'refuse', code: 'a:b', status: 399, title: 't' },
  { kind: 'refuse', code: 'a:b', status: 600, title: 't' },
  { kind: 'refuse', code: 'a:b', status: 403.5, title: 't' },
  { kind: 'refuse', code: 'a:b', status: '403', title: 't' },
  { kind: 'refuse', code: 'a"b', status: 403, title: 't' },
  { kind: 'refuse', code: 'a:b', status: 403, title: undefined },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['x'] },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: { x: 'y' } },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['x', 'a\r\nb: c'] },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['x y', 'a'] },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['Content-Length', '0'] },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['transfer-encoding', 'chunked'] },
  { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['content-type', 'text/html'] },
  { kind: 'answer', code: 'a:b', status: 101 },
  { kind: 'answer', code: 'a:b', status: 199 },
  { kind: 'answer', code: 'a:b', status: 600 },
  { kind: 'answer', code: 'a:b', status: 200, body: 'text' },
  { kind: 'answer', code: 'a:b', status: 204, body: Buffer.from('x') },
  { kind: 'reply', code: 'a:b', status: 403, title: 't' },
  Object.assign(() => next, { kind: 'next' }),
  Object.assign(() => next, { kind: 'answer', code: 'a:b', status: 200 }),
];
for (const value of malformed) {
  test(`a verdict that is not whole refuses, and what was got is logged: ${JSON.stringify(value) ?? typeof value}`, async () => {
    for (const guard of ['restricts', 'authenticates'] as const) {
      let detail: string | undefined;
      const gateway = gatewayWith({
        instances: [instance('tested', 1, { onError: 'next', access: () => value as Verdict }, guard)],
        finished: (record) => {
          detail = record.reply?.detail;
        },
      });
      const { status, body } = await send(gateway, request());
      assert.deepEqual([status, JSON.parse(body).code], [500, 'gateway:error']);
      assert.match(detail ?? '', /^tested: malformed verdict: ./);
    }
  });
}

test('the message for a malformed verdict never shows a string or a header value, which may be secret', async () => {
  for (const value of [
    'hunter2-hunter2',
    { kind: 'hunter2-hunter2' },
    { kind: 'refuse', code: 'hunter2-hunter2' },
    { kind: 'refuse', code: 'a:b', status: 403, title: 't', headers: ['x', 'hunter2-hunter2\n'] },
  ]) {
    let detail = '';
    const gateway = gatewayWith({
      instances: [instance('x', 1, { access: () => value as Verdict }, 'restricts')],
      finished: ({ reply }) => {
        detail = reply?.detail ?? '';
      },
    });
    await send(gateway, request());
    assert.ok(detail.length > 0 && !detail.includes('hunter2'), detail);
  }
});

test('what was got is named by its kind, and by its length where it has one', () => {
  const kinds: readonly (readonly [unknown, string])[] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [false, 'false'],
    [7, '7'],
    ['secret', 'a string of 6 characters'],
    [['secret'], 'a list of 1'],
    [{ secret: 1 }, 'an object'],
    [() => 'secret', 'a function'],
    [Symbol('secret'), 'a symbol'],
    [1n, 'a bigint'],
  ];
  for (const [value, text] of kinds) assert.equal(describe(value), text);
});

test('a verdict whose parts change while they are read counts as it was read', async () => {
  let reads = 0;
  const value = Object.defineProperty({}, 'kind', {
    get: () => {
      reads += 1;
      return reads === 1 ? 'not-responsible' : 'next';
    },
  });
  const hooks: Hooks = { access: () => value as Verdict };
  assert.equal(
    (await send(gatewayWith({ instances: [instance('x', 1, hooks, 'restricts')] }), request())).status,
    500,
  );
});

test('a whole verdict counts as it is, up to its limits', async () => {
  const body = Buffer.from('echo');
  const headers = ['x-a', 'b'];
  for (const [verdict, status, text] of [
    [{ kind: 'refuse', code: 'a:b', status: 400, title: 't', headers }, 400, undefined],
    [{ kind: 'refuse', code: 'a:b', status: 599, title: 't', detail: 'd', headers }, 599, undefined],
    [answer('a:b', 200, { body, headers }), 200, 'echo'],
    [answer('a:b', 302, { body, headers }), 302, 'echo'],
    [answer('a:b', 599, { headers, detail: 'd' }), 599, ''],
    [answer('a:b', 204, { headers, body: new Uint8Array(0) }), 204, ''],
  ] as const) {
    let code: string | undefined;
    const gateway = gatewayWith({
      instances: [instance('x', 1, { access: () => verdict as Verdict }, 'restricts')],
      finished: ({ reply }) => {
        code = reply?.code;
      },
    });
    const sent = await send(gateway, request());
    assert.deepEqual([sent.status, code], [status, 'a:b']);
    assert.equal(sent.headers[sent.headers.indexOf('x-a') + 1], 'b');
    if (text === undefined) assert.equal(JSON.parse(sent.body).code, 'a:b');
    else assert.equal(sent.body, text);
  }
});

const rendered = (reply: Reply) => {
  const { headers, body } = renderReply(reply, 'id');
  const values = (name: string) =>
    headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name);
  return { values, body: Buffer.from(body).toString() };
};
const deny = refusals('test', { no: [401, 'No'] });

test("a plugin's own challenge is sent unchanged and alone", () => {
  for (const name of ['WWW-Authenticate', 'www-authenticate', 'Www-Authenticate']) {
    const { values } = rendered(deny.no(undefined, [name, 'Basic realm="x"']));
    assert.deepEqual(values('www-authenticate'), ['Basic realm="x"']);
  }
  assert.deepEqual(rendered(deny.no()).values('www-authenticate'), ['Postern']);
  const value = rendered(deny.no(undefined, ['x-other', 'www-authenticate'])).values('www-authenticate');
  assert.deepEqual(value, ['Postern']);
});

test('when no plugin takes responsibility the client gets exactly the challenges of all plugins', async () => {
  const said = (scheme: string | undefined): Hooks => ({ access: () => notResponsible('none', scheme) });
  const gateway = gatewayWith({
    instances: [
      instance('a', 3, said('Bearer'), 'authenticates'),
      instance('b', 2, said(undefined), 'authenticates'),
      instance('c', 1, said('Basic realm="c"'), 'authenticates'),
    ],
  });
  const { status, headers } = await send(gateway, request());
  const challenges = headers.filter((_, at) => headers[at - 1] === 'www-authenticate');
  assert.deepEqual([status, challenges], [401, ['Bearer', 'Basic realm="c"']]);
});

test('an answer of a plugin goes out as it is, with a body or without, and is never a problem document', () => {
  for (const status of [200, 204, 205, 302, 304, 401, 403]) {
    const headers = ['Location', '/login', 'Cache-Control', 'max-age=60'];
    const { values, body } = rendered(answer('test:answer', status, { headers }));
    assert.equal(body, '');
    assert.deepEqual(values('content-type'), []);
    assert.deepEqual(values('www-authenticate'), []);
    assert.deepEqual(values('cache-control'), ['max-age=60']);
    assert.deepEqual(values('location'), ['/login']);
    assert.deepEqual(values('content-length'), [204, 205, 304].includes(status) ? [] : ['0']);
  }
  assert.equal(rendered(answer('test:answer', 200, { body: Buffer.from('echo') })).body, 'echo');
});
