import assert from 'node:assert/strict';
import test from 'node:test';
import type { AnswerHead } from '../../../gateway/plugin/plugin.ts';
import { exchangeOf } from '../expression/exchange.ts';
import { configure, testHost } from './configured.ts';

/** What the plugin makes of the head of an answer. */
async function edited(
  options: unknown,
  answer: Partial<AnswerHead>,
  exchange = exchangeOf(),
  host = testHost(),
): Promise<readonly string[]> {
  const head = { status: 200, headers: [], ...answer };
  const { hooks } = await configure('response-headers', options, host);
  exchange.status = head.status;
  hooks.answer?.(exchange, head);
  return head.headers;
}

const options = {
  set: { 'X-Frame-Options': 'DENY' },
  add: { vary: 'origin' },
  remove: ['Server'],
};
const ofTarget = () => [
  'server',
  'nginx',
  'x-frame-options',
  'ALLOW',
  'Vary',
  'accept',
  'SERVER',
  'b',
  'X-FRAME-OPTIONS',
  'c',
];

test('a set header takes the place of the one of the answer, an added one stands behind it, a removed one is gone', async () => {
  const headers = await edited(options, { headers: ofTarget() });
  assert.deepEqual(headers, ['Vary', 'accept', 'X-Frame-Options', 'DENY', 'vary', 'origin']);
});

test('it removes, then sets, then adds, whatever the order of the options', async () => {
  const all = { add: { 'x-a': '2' }, set: { 'x-a': '1' }, remove: ['x-a'] };
  assert.deepEqual(await edited(all, { headers: ['x-a', '0'] }), ['x-a', '1', 'x-a', '2']);
});

for (const status of [100, 103, 199])
  test(`an interim answer (${status}) loses what is removed or set, and gets nothing`, async () => {
    const headers = await edited(options, { status, headers: [...ofTarget(), 'link', '</a>'] });
    assert.deepEqual(headers, ['Vary', 'accept', 'link', '</a>']);
  });

test('an expression knows the request and the status of the answer', async () => {
  const byStatus = {
    set: {
      'cache-control': { expression: "answer.status < 400 ? 'max-age=60' : 'no-store'" },
      'x-asked': { expression: "request.method + ' ' + request.path" },
    },
  };
  for (const [status, cached] of [
    [200, 'max-age=60'],
    [304, 'max-age=60'],
    [403, 'no-store'],
    [503, 'no-store'],
  ] as const)
    assert.deepEqual(await edited(byStatus, { status, headers: ['cache-control', 'public'] }), [
      'cache-control',
      cached,
      'x-asked',
      'POST /hooks/github',
    ]);
});

const noValue = [
  ['webhook.event', undefined, /webhook\.event is not known/],
  ['webhook.payload.text', 'a\r\nset-cookie: b=c', /characters other than/],
  ['webhook.payload.text', 'Łukasz', /characters other than/],
  ['webhook.payload.text', 'a'.repeat(8_193), /8193 characters/],
] as const;
for (const [expression, text, why] of noValue) {
  test(`a header without a value is left out, as is the one that it would have replaced, and the log says why: ${why.source}`, async () => {
    const host = testHost();
    const exchange = exchangeOf(text === undefined ? {} : { webhook: { payload: { text } } });
    const set = { 'x-made': { expression }, 'x-fixed': '1' };
    assert.deepEqual(await edited({ set }, { headers: ['x-made', 'target'] }, exchange, host), [
      'x-fixed',
      '1',
    ]);
    const [line = '', ...others] = host.lines;
    assert.deepEqual(others, []);
    const { level, event, id, header, error } = JSON.parse(line);
    assert.deepEqual([level, event, id, header], ['warn', 'response-header-left-out', 'id', 'x-made']);
    assert.match(error, why);
    assert.ok(text === undefined || !line.includes(text));
  });
}

test('a header without a value on a refusal is left out without a line in the log', async () => {
  const host = testHost();
  const exchange = exchangeOf();
  exchange.code = 'gateway:unauthenticated';
  const set = { 'x-event': { expression: 'webhook.event' }, 'x-fixed': '1' };
  assert.deepEqual(await edited({ set }, { status: 401 }, exchange, host), ['x-fixed', '1']);
  assert.deepEqual(host.lines, []);
});
