import assert from 'node:assert/strict';
import test from 'node:test';
import { requestHeaders } from '../../../gateway/plugins/request-headers.ts';
import { exchangeOf, type Parts } from '../expression/exchange.ts';
import { configure, judge, plugins } from './configured.ts';

/** What the plugin makes of a request: the reply, and the headers for the target when there is none. */
async function edited(options: unknown, parts: Parts = {}, headers: readonly string[] = []) {
  const exchange = exchangeOf({ ...parts, head: { headers } });
  const reply = await judge([await configure('request-headers', options)], exchange);
  const forTarget = [...headers];
  exchange.editUpstream(forTarget);
  return { reply, headers: forTarget };
}

const value = (expression: string) => ({ set: { 'x-made': { expression } } });

test('a set header takes the place of what the client sent, an added one stands behind it, a removed one is gone', async () => {
  const { reply, headers } = await edited(
    { set: { 'X-Team': 'platform' }, add: { 'x-tag': 'b' }, remove: ['Authorization'] },
    {},
    ['x_team', 'forged', 'X-Tag', 'a', 'authorization', 'Bearer x', 'x-kept', '1'],
  );
  assert.equal(reply, undefined);
  assert.deepEqual(headers, ['X-Tag', 'a', 'x-kept', '1', 'X-Team', 'platform', 'x-tag', 'b']);
});

test('it removes, then sets, then adds, whatever the order of the options', async () => {
  const options = { add: { 'x-a': '2' }, set: { 'x-b': '3', 'x-a': '1' }, remove: ['x-a', 'x-b'] };
  const { headers } = await edited(options, {}, ['x-a', '0']);
  assert.deepEqual(headers, ['x-b', '3', 'x-a', '1', 'x-a', '2']);
});

test('an expression gives the value for each request, and knows what other plugins found out', async () => {
  const options = {
    set: {
      'x-event': { expression: 'webhook.event' },
      'x-who': { expression: "subject.type + '/' + subject.id" },
    },
    add: { 'x-size': { expression: 'string(request.size)' } },
  };
  for (const event of ['push', 'ping', '']) {
    const parts = { webhook: { event }, subject: { type: 'webhook', id: 'github' }, bodySize: 7 };
    const { reply, headers } = await edited(options, parts);
    assert.equal(reply, undefined);
    assert.deepEqual(headers, ['x-event', event, 'x-who', 'webhook/github', 'x-size', '7']);
  }
});

test('it runs after every plugin that guards', () => {
  for (const { name, priority, guard } of plugins)
    if (guard !== undefined) assert.ok(requestHeaders.priority < priority, name);
});

const refused: readonly (readonly [expression: string, parts: Parts, detail: RegExp])[] = [
  ['webhook.event', {}, /^set\.x-made: webhook\.event is not known$/],
  ['string(answer.status)', {}, /answer\.status is not known/],
  ['webhook.payload.ref', { webhook: { payload: {} } }, /has no key "ref"/],
  ['webhook.payload.number', { webhook: { payload: { number: 7 } } }, /gave double, not string/],
  [
    "webhook.payload.all(a, webhook.payload.all(b, webhook.payload.all(c, true))) ? 'a' : 'b'",
    { webhook: { payload: Array(500).fill(0) } },
    /more than 800000 steps/,
  ],
];
for (const [expression, parts, detail] of refused) {
  test(`an expression without a text for a request refuses it, and the log says why: ${detail.source}`, async () => {
    const { reply } = await edited(value(expression), parts);
    assert.deepEqual([reply?.code, reply?.status], ['request-headers:value', 403]);
    assert.match(reply?.detail ?? '', detail);
  });
}

test('an expression of add refuses in the same way', async () => {
  const { reply } = await edited({ add: { 'x-made': { expression: 'webhook.event' } } });
  assert.equal(reply?.code, 'request-headers:value');
  assert.match(reply?.detail ?? '', /^add\.x-made: /);
});

const unsendable = [
  'a\r\nx-admin: 1',
  'a\n',
  'a\0',
  '\u007f',
  'Zoë',
  'Łukasz',
  '\u{1f600}',
  'a'.repeat(8_193),
];
for (const text of unsendable) {
  test(`a value that a sender chose and no header can have refuses, and is not in the log: ${JSON.stringify(text.slice(0, 16))}`, async () => {
    const { reply } = await edited(value('webhook.payload.text'), { webhook: { payload: { text } } });
    assert.deepEqual([reply?.code, reply?.status], ['request-headers:value', 403]);
    assert.ok(!(reply?.detail ?? '').includes(text));
  });
}

test('every printable character of ASCII, blanks and tabs can be in a value, up to its limit', async () => {
  const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, at) => at + 32), 9);
  for (const text of ['', printable, 'a'.repeat(8_192)]) {
    const { headers } = await edited(value('webhook.payload.text'), { webhook: { payload: { text } } });
    assert.deepEqual(headers, ['x-made', text]);
  }
});

test('expressions read what the client sent, also of a header that the gateway owns or sets', async () => {
  const options = { ...value("request.headers['x-team']"), add: { 'x-team': 'b' }, own: ['x-team'] };
  const { headers } = await edited(options, {}, ['x-team', 'a']);
  assert.deepEqual(headers, ['x-team', 'a', 'x-made', 'a', 'x-team', 'b']);
});
