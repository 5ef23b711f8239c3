import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { EvaluationError, parseJson, StepLimitExceeded } from '../../../gateway/expression/index.ts';
import { compile, exchangeOf, type Parts } from './exchange.ts';

const withPayload = (payload: unknown) => exchangeOf({ webhook: { event: 'push', payload } });
const range = (length: number) => Array.from({ length }, (_, at) => at);

const tooLarge: readonly (readonly [what: string, source: string, message: RegExp])[] = [
  ['a long source', `'${'a'.repeat(4_100)}' == ''`, /has 4108 characters, the limit is 4096/],
  ['many parts', `${'1+'.repeat(700)}1 == 701`, /more than 1000 parts/],
  ['deep parentheses', `${'('.repeat(40)}true${')'.repeat(40)}`, /nested deeper than 32 levels/],
  ['deep lists', `${'['.repeat(40)}1${']'.repeat(40)} == []`, /nested deeper than 32 levels/],
  ['a long chain of fields', `webhook.payload${'.a'.repeat(40)} == 1`, /nested deeper than 32 levels/],
  ['a chain of negations', `${'!'.repeat(4_000)}true`, /more than 1000 parts/],
  ['a long list', `1 in [${'1,'.repeat(600)}1]`, /more than 500 elements/],
  ['a large map', `{${range(150).map((n) => `${n}:1`)}} == {}`, /more than 100 entries/],
  ['many arguments', 'size(1,2,3,4,5,6) == 1', /more than 4 arguments/],
  ['a long pattern', `'a'.matches('${'a'.repeat(600)}')`, /600 characters, the limit is 512/],
];

for (const [what, source, message] of tooLarge) {
  test(`${what} does not load`, async () => {
    await assert.rejects(compile(source), (error) => {
      assert.ok(error instanceof ConfigurationError, `${error}`);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('what the limits on the source let through can be evaluated without overflowing the stack', async () => {
  for (const source of [
    `${'1+'.repeat(400)}1 == 401`,
    `${'!'.repeat(900)}true`,
    `${'true && '.repeat(400)}true`,
  ])
    assert.equal((await compile(source))(exchangeOf()), true);
});

const big = 'a'.repeat(4_000_000);
const costly: readonly (readonly [what: string, source: string, payload: unknown])[] = [
  [
    'three macros inside one another',
    'webhook.payload.all(a, webhook.payload.all(b, webhook.payload.all(c, a + b + c >= 0.0)))',
    range(500),
  ],
  ['a macro over a long list', 'webhook.payload.map(x, [x, x, x]).size() == 1', range(400_000)],
  ['a macro whose items all fail', 'webhook.payload.exists(x, x.a)', range(200_000)],
  ['membership for every item', 'webhook.payload.all(x, x in webhook.payload)', range(20_000)],
  [
    'a search in a long text for every item',
    'webhook.payload.list.exists(x, webhook.payload.text.contains("b"))',
    { list: range(1_000), text: big },
  ],
  [
    'a search for a long text',
    'webhook.payload.a.contains(webhook.payload.b)',
    { a: big, b: `${'a'.repeat(2_000)}b${'a'.repeat(2_000)}` },
  ],
  [
    'a text that grows',
    `webhook.payload.list.all(x, (${Array(50).fill('webhook.payload.text').join('+')}).size() > 0)`,
    { list: range(100), text: big },
  ],
  [
    'a list that grows',
    `webhook.payload.all(x, (${Array(50).fill('webhook.payload').join('+')}).size() > 0)`,
    range(30_000),
  ],
  [
    'joining',
    'webhook.payload.all(x, webhook.payload.map(y, "aaaaaaaa").join("bbbbbbbb") != "")',
    range(5_000),
  ],
  [
    'splitting',
    'webhook.payload.list.all(x, webhook.payload.text.split("a").size() > 0)',
    { list: range(100), text: big },
  ],
  [
    'comparing long lists',
    'webhook.payload.a.all(x, webhook.payload.a == webhook.payload.b)',
    { a: range(50_000), b: range(50_000) },
  ],
  [
    'comparing large maps',
    'webhook.payload.list.all(x, webhook.payload.a == webhook.payload.a2)',
    { list: range(1_000), a: { ...range(5_000) }, a2: { ...range(5_000) } },
  ],
  ['a pattern on a long text', 'webhook.payload.matches("(a?){200}b")', big],
  [
    'counting characters',
    'webhook.payload.list.all(x, webhook.payload.text.size() > 0)',
    { list: range(100), text: big },
  ],
  [
    'changing case',
    'webhook.payload.list.all(x, webhook.payload.text.upperAscii() != "")',
    { list: range(100), text: big },
  ],
];

for (const [what, source, payload] of costly) {
  test(`${what} ends at the limit of steps`, async () => {
    const evaluate = await compile(source);
    const exchange = withPayload(payload);
    // Without the limit each of these takes seconds to hours.
    assert.throws(() => evaluate(exchange), StepLimitExceeded);
  });
}

/** What does not fit into the limit at some size, and does at a hundredth of it: what grows with the size costs steps. */
const growing: readonly (readonly [what: string, source: string, size: number])[] = [
  ['errors that || passes over', 'webhook.payload.list.all(x, x.none || true)', 2_000],
  ['errors that && passes over', '!webhook.payload.list.exists(x, x.none && false)', 2_000],
  ['errors on both sides', 'webhook.payload.list.all(x, (x.none || x.other) || true)', 1_000],
  [
    'errors that exists passes over',
    'webhook.payload.list.exists(x, x.none || x == webhook.payload.last)',
    2_000,
  ],
  ['looking headers up', 'webhook.payload.list.all(x, !("none" in request.headers))', 8_000],
  ['going through headers', 'webhook.payload.list.all(x, request.headers.all(h, h != "none"))', 2_000],
  ['making the list of headers', 'webhook.payload.list.all(x, request.headers.size() == 128)', 2_000],
  ['going through the query', 'webhook.payload.list.all(x, request.query.all(n, n != "none"))', 1_000],
  [
    'looking long keys up',
    'webhook.payload.list.all(x, !((webhook.payload.kilo + string(x)) in webhook.payload))',
    8_000,
  ],
  [
    'comparing the order of texts',
    'webhook.payload.list.all(x, webhook.payload.kilo <= webhook.payload.kilo)',
    8_000,
  ],
  ['searching', 'webhook.payload.list.all(x, !webhook.payload.kilo.contains("aab"))', 4_000],
  ['finding a position', 'webhook.payload.list.all(x, webhook.payload.kilo.indexOf("aab") < 0)', 4_000],
  ['cutting', 'webhook.payload.list.all(x, webhook.payload.kilo.substring(1) != "")', 8_000],
  ['replacing', 'webhook.payload.list.all(x, webhook.payload.kilo.replace("a", "b") != "")', 2_000],
  [
    'reading times',
    'webhook.payload.list.all(x, timestamp("2030-01-01T00:00:00" + webhook.payload.z) < now)',
    8_000,
  ],
  ['adding integers', `webhook.payload.list.all(x, int(x)${' + 1'.repeat(50)} > 0)`, 8_000],
  ['making lists', 'webhook.payload.list.all(x, [x, x, x, x, x, x, x, x, x, x].size() == 10)', 40_000],
];

for (const [what, source, size] of growing) {
  test(`${what} costs steps`, async () => {
    const evaluate = await compile(source);
    const head = {
      headers: range(128).flatMap((at) => [`x-${at}`, '1']),
      query: range(128)
        .map((at) => `n${at}=1`)
        .join('&'),
    };
    const judge = (items: number) => {
      const list = range(items);
      return evaluate(
        exchangeOf({
          head,
          webhook: { payload: { list, last: items - 1, kilo: 'a'.repeat(1_024), z: 'Z' } },
        }),
      );
    };
    assert.throws(() => judge(size), StepLimitExceeded);
    assert.equal(judge(size / 100), true);
  });
}

test('reading a query costs steps, once for a request', async () => {
  const evaluate = await compile("'a' in request.query || 'b' in request.query || true");
  assert.throws(() => evaluate(exchangeOf({ head: { query: 'a'.repeat(200_000) } })), StepLimitExceeded);
  assert.equal(evaluate(exchangeOf({ head: { query: 'a'.repeat(16_000) } })), true);
});

test('a product beyond 32 bits is charged whole', async () => {
  const text = 'a'.repeat(100_000);
  const exchange = withPayload({ text, list: Array(70_000).fill('') });
  for (const source of [
    'webhook.payload.text.contains("b" + webhook.payload.text)',
    'webhook.payload.text.indexOf("b" + webhook.payload.text) < 0',
    'webhook.payload.text.replace("a", webhook.payload.text) != ""',
    'webhook.payload.list.join(webhook.payload.text) != ""',
  ]) {
    const evaluate = await compile(source);
    assert.throws(() => evaluate(exchange), StepLimitExceeded, source);
  }
});

test('nothing passes over the limit of steps', async () => {
  const endless = 'webhook.payload.all(a, webhook.payload.all(b, webhook.payload.all(c, true)))';
  const sources = [
    `${endless} || true`,
    `[1].exists(x, ${endless}) || true`,
    `!(${endless} && false)`,
    `[1, 2].exists(x, x == 2 || ${endless})`,
  ];
  for (const source of sources) {
    const evaluate = await compile(source);
    assert.throws(() => evaluate(withPayload(range(500))), StepLimitExceeded, source);
  }
});

/** One evaluation each, and the steps that it takes at least: what the bytes of one value cost, however few values there are. */
const charged: readonly (readonly [what: string, source: string, parts: Parts, least: number])[] = [
  [
    'making a long name of a header lower case',
    'request.headers.size() == 1',
    { head: { headers: ['X'.repeat(30_000), '1'] } },
    3_000,
  ],
  [
    'joining a repeated header',
    "request.headers['x'] != 'z'",
    { head: { headers: range(128).flatMap(() => ['x', 'b'.repeat(240)]) } },
    2_000,
  ],
  [
    'changing the case of every other letter',
    "webhook.payload.lowerAscii() != ''",
    { webhook: { payload: 'aBé'.repeat(1_000) } },
    18_000,
  ],
  [
    'reading a duration of many parts',
    "duration(webhook.payload) > duration('0s')",
    { webhook: { payload: '1ns'.repeat(21) } },
    2_500,
  ],
  [
    'joining long texts',
    "(webhook.payload + webhook.payload).startsWith('€')",
    { webhook: { payload: '€'.repeat(100_000) } },
    25_000,
  ],
  [
    'counting characters',
    'webhook.payload.size() == 10000',
    { webhook: { payload: '😀'.repeat(10_000) } },
    10_000,
  ],
];

for (const [what, source, parts, least] of charged) {
  test(`${what} costs what it takes`, async () => {
    const exchange = exchangeOf(parts);
    assert.equal((await compile(source))(exchange), true);
    assert.ok(exchange.expressionSteps >= least, `${exchange.expressionSteps} steps`);
  });
}

test('the expressions that judge one request share its steps', async () => {
  const evaluate = await compile('webhook.payload.all(x, x >= 0)');
  const exchange = withPayload(range(50_000));
  assert.throws(() => {
    for (let round = 0; round < 30; round += 1) assert.equal(evaluate(exchange), true);
  }, StepLimitExceeded);
  assert.throws(() => evaluate(exchange), StepLimitExceeded);
});

test('each request has all the steps', async () => {
  const evaluate = await compile('webhook.payload.all(x, x >= 0)');
  for (let round = 0; round < 30; round += 1) assert.equal(evaluate(withPayload(range(50_000))), true);
});

test('an ordinary rule over an ordinary payload stays far from the limit', async () => {
  const commits = range(1_024).map((id) => ({ id, modified: range(20).map((n) => `src/file-${n}.ts`) }));
  const evaluate = await compile(
    'webhook.payload.commits.all(c, c.modified.all(f, f.startsWith("src/") && !f.contains("..")))',
  );
  assert.equal(evaluate(withPayload({ commits })), true);
});

test('patterns that take JavaScript exponential time take time in proportion to the text', async () => {
  for (const pattern of ['^(a+)+$', '(a*)*b', '(a|aa)+$', '^(a|a)*$', '(.*a){12}']) {
    const evaluate = await compile(`webhook.payload.matches('${pattern}') || true`);
    assert.equal(evaluate(withPayload(`${'a'.repeat(5_000)}!`)), true, pattern);
  }
});

const inherited = [
  'constructor',
  '__proto__',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
];

for (const key of inherited) {
  test(`${key} is no key of anything`, async () => {
    const exchange = exchangeOf({
      head: { query: 'a=1', headers: ['a', '1'] },
      subject: { type: 't', id: 'i', properties: {} },
      webhook: { event: 'push', payload: { list: [1], map: {} } },
    });
    const owners = [
      'webhook.payload',
      'webhook.payload.map',
      'request.query',
      'request.headers',
      'subject.properties',
      '{"a": 1}',
    ];
    // Names of headers are lower-case letters, digits and hyphens, so another spelling of one does not load.
    const loads = (owner: string) => owner !== 'request.headers' || /^[-0-9a-z]+$/.test(key);
    const accesses = owners
      .filter(loads)
      .flatMap((owner) => [`dyn(${owner})['${key}'] == 1`, `'${key}' in ${owner}`, `has(${owner}.${key})`]);
    for (const source of [...accesses, `dyn(request.headers)['${key}'] == 1`]) {
      const evaluate = await compile(source);
      if (source.includes('==')) assert.throws(() => evaluate(exchange), /has no key/, source);
      else assert.equal(evaluate(exchange), false, source);
    }
    const onScalars = await compile(
      `dyn(webhook.event)['${key}'] == 1 || webhook.payload.list['${key}'] == 1`,
    );
    assert.throws(() => onScalars(exchange), EvaluationError);
  });
}

test('a payload with a key named __proto__ has that key and nothing else happens', async () => {
  const payload = parseJson(Buffer.from('{"__proto__": {"admin": true}}'));
  const exchange = withPayload(payload);
  assert.equal((await compile("webhook.payload['__proto__'].admin == true"))(exchange), true);
  assert.equal((await compile("'admin' in webhook.payload"))(exchange), false);
});

test('an object of a class, and a function, are refused instead of read', async () => {
  const sources = [
    'subject.properties.value.href == "x"',
    'size(subject.properties.value) == 1',
    'subject.properties.value == {}',
    'subject.properties.value != "x"',
    '!(subject.properties.value in ["x"])',
    '"x" != subject.properties.value',
    '1 != subject.properties.value',
    '!("x" in [subject.properties.value])',
    '!(subject.properties.value in {"x": 1})',
  ];
  for (const source of sources) {
    const evaluate = await compile(source);
    for (const value of [
      new URL('https://example.com'),
      Buffer.from('x'),
      () => 1,
      Symbol('x'),
      new Set([1]),
    ]) {
      const exchange = exchangeOf({ subject: { type: 't', id: 'i', properties: { value } } });
      assert.throws(() => evaluate(exchange), /has no meaning in an expression/, source);
    }
  }
});
