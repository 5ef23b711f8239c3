import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { EvaluationError, parseJson } from '../../../gateway/expression/index.ts';
import { compile, exchangeOf } from './exchange.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

const isLong = (value: unknown) => Number.isInteger(value) && !Number.isSafeInteger(value);

/** Whether JSON has no other way to write a text than with a backslash. */
const needsEscape = (text: string) => JSON.stringify(text).includes('\\');

test('a body is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      let isOdd = false;
      const text = JSON.stringify(value, (key, one) => {
        isOdd ||= needsEscape(key);
        return isLong(one) ? 0 : one;
      });
      if (isOdd) assert.throws(() => parse(text), EvaluationError);
      else assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test('integers beyond what a double holds stay exact, so that two ids that differ in the last digit differ', async () => {
  assert.equal(parse('9007199254740993'), 9007199254740993n);
  assert.deepEqual(parse('{"id": [-9007199254740993]}'), { id: [-9007199254740993n] });
  assert.equal(parse('9007199254740991'), 9007199254740991);
  const evaluate = await compile('webhook.payload.id == 9007199254740993');
  const judge = (text: string) => evaluate(exchangeOf({ webhook: { payload: parse(text) } }));
  assert.equal(judge('{"id": 9007199254740993}'), true);
  assert.equal(judge('{"id": 9007199254740992}'), false);
});

test('numbers that are no 64-bit integer stay doubles', () => {
  for (const text of ['1e300', '12345678901234567.5', '99999999999999999999', '0.1234567890123456789'])
    assert.equal(parse(text), Number(text));
});

test('a number that only a text holds changes nothing', () => {
  assert.deepEqual(parse('{"a": "9007199254740993", "b": 1}'), { a: '9007199254740993', b: 1 });
});

const broken = ['', 'nothing', '{', '{"a":1,}', '\ufeff{}', "{'a':1}", '01'];

for (const text of broken) {
  test(`${JSON.stringify(text)} is not JSON, and the message does not quote it`, () => {
    assert.throws(
      () => parse(text),
      (error) => error instanceof EvaluationError && error.message === 'the body is not JSON',
    );
  });
}

test('bytes that are not UTF-8 are not read, because replaced characters could be compared', () => {
  assert.throws(() => parseJson(Buffer.from([0x22, 0xff, 0x22])), /not UTF-8/);
});

test('no nesting overflows the stack, neither when it is parsed nor when it is compared', async () => {
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  assert.equal((parse(`[12345678901234567, ${deep(200_000)}]`) as unknown[])[0], 12345678901234567n);
  const evaluate = await compile('webhook.payload[0] == webhook.payload[1]');
  const judge = (levels: number) =>
    evaluate(exchangeOf({ webhook: { payload: parse(`[${deep(levels)}, ${deep(levels)}]`) } }));
  assert.equal(judge(50), true);
  assert.throws(() => judge(200_000), /nested deeper than 64 levels/);
});

test('a part of a larger buffer is read by itself', () => {
  assert.deepEqual(parseJson(Buffer.from('xx{"a":1}xx').subarray(2, 9)), { a: 1 });
});

test('exact integers are found wherever a number stands, and nowhere else', () => {
  const n = '9007199254740993';
  const exact = 9007199254740993n;
  const cases: readonly (readonly [text: string, value: unknown])[] = [
    [`[${n},-${n} ,\n${n}]`, [exact, -exact, exact]],
    [`{"a":${n},"__proto__":{"b":${n}}}`, JSON.parse('{"a":0,"__proto__":{"b":0}}')],
    [`{"${n}":"${n}"}`, { [n]: n }],
    [`["\\"${n}",${n}]`, [`"${n}`, exact]],
    [`["\\\\",${n},"\\\\\\"",${n}]`, ['\\', exact, '\\"', exact]],
    [
      `[${n}.5, ${n}e1, 1.${n}, 1e-${n}, 1E+${n}]`,
      [Number(`${n}.5`), Number(`${n}e1`), Number(`1.${n}`), 0, Infinity],
    ],
    ['[9223372036854775807, 9223372036854775808]', [9223372036854775807n, 2 ** 63]],
    ['[-9223372036854775808, -9223372036854775809]', [-9223372036854775808n, -(2 ** 63)]],
    ['[1000000000000000, 9007199254740991]', [1000000000000000, 9007199254740991]],
  ];
  for (const [text, value] of cases) {
    const read = parse(text) as Record<string, unknown>;
    if (!text.includes('__proto__')) assert.deepEqual(read, value, text);
    else {
      assert.equal(read.a, exact);
      assert.deepEqual(Object.getOwnPropertyDescriptor(read, '__proto__')?.value, { b: exact });
      assert.equal(Object.getPrototypeOf(read), Object.prototype);
    }
  }
  for (const text of [`{${n}:1}`, `[0${n}]`, `[${n}`, `[--${n}]`, `[${n}${'"'}a"]`, `["${n}]`])
    assert.throws(() => parse(text), /not JSON/, text);
});

test('integers stay exact in any JSON, whatever strings and keys surround them', () => {
  const pieces = fc.oneof(
    fc.constantFrom('"', '\\', '9007199254740993', ',', ':', '[', '{'),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  const texts = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(fc.tuple(texts, texts), { maxLength: 8 }), (pairs) => {
      const values = pairs.map(([key, text]) => ({ [key]: text.toWellFormed() }));
      const source = pairs.map(
        ([key, text]) => `{${JSON.stringify(key)}:${JSON.stringify(text.toWellFormed())}}`,
      );
      fc.pre(pairs.every(([key]) => key.isWellFormed() && !needsEscape(key)));
      assert.deepEqual(parse(`[${[...source, '9007199254740993'].join(', ')}]`), [
        ...values,
        9007199254740993n,
      ]);
    }),
  );
});

test('half a character in a text or a key is refused, because two readers make different things of it', () => {
  for (const text of [
    '["\\ud83d"]',
    '["\\ude00\\ud83d"]',
    '{"\\uDC00": 1}',
    '"\\ud83d\\\\ude00"',
    '{"a":[{"b":"\\udfff"}]}',
  ])
    assert.throws(() => parse(text), /half a character/, text);
  assert.deepEqual(parse('["\\ud83d\\ude00", "\\\\ud83d"]'), ['😀', '\\ud83d']);
});

test('a key that an object has twice is refused, because a target may read the value that was not decided on', () => {
  for (const text of [
    '{"action":"deleted","action":"opened"}',
    '{"action":1,"action":1}',
    '{"action":1,"\\u0061ction":2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '[0,{"a":[{"b":{"c":1,"d":2,"c":3}}]}]',
    '{"a":{"b":1,"c":2},"a":3}',
    '{"a":{"a":1},"b":":","a":{"a":1}}',
    `${'{"a":1,"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    '{"id":9007199254740993,"id":9007199254740993}',
  ])
    assert.throws(() => parse(text), /^EvaluationError: the body has a key twice in one object$/, text);
  for (const text of [
    '{"a":{"a":1},"b":[{"a":":"},{"a":"\\":\\""}]}',
    '{"__proto__":{"__proto__":1},"constructor":2}',
    '{"a":"\\\\","b":"\\\\\\"a:","A":1}',
    '":"',
    '{}',
  ])
    assert.doesNotThrow(() => parse(text), text);
});

test('a key with an escape is that key, whatever bodies were parsed before', () => {
  // Node 24 takes it for a key of an earlier object that is written as its first characters are.
  for (const [before, body, expected] of [
    [{ role: 1, '\\u00': 1 }, String.raw`{"role":"user","\u0072ole":"admin"}`, /twice/],
    [{ action: 1, '\\u006': 1 }, String.raw`{"action":1,"\u0061bcde":2}`, { action: 1, abcde: 2 }],
    [
      { a: 1, 'x\\u0': 1 },
      String.raw`{"a":1,"x\u0079zz" : {"x\u0079":"\u0079"}}`,
      { a: 1, xyzz: { xy: 'y' } },
    ],
    [{ a: 1, 'b\\': 1 }, String.raw`{"a":1,"b\/":2,"b/":3}`, /twice/],
    [{ a: 1, '\\': 1 }, String.raw`{"a":1,"\"":2}`, /a quote, a backslash or a control character/],
    [{ a: 1, '\\': 1 }, String.raw`{"a":1,"\\":2}`, /a quote, a backslash or a control character/],
    [{ a: 1 }, String.raw`{"a":"\\\"", "b\u0063" :"{\"c\":1}"}`, { a: '\\"', bc: '{"c":1}' }],
  ] as const) {
    JSON.parse(JSON.stringify(before));
    if (expected instanceof RegExp) assert.throws(() => parse(body), expected, body);
    else assert.deepEqual(parse(body), expected, body);
  }
});

test('keys count as twice there whenever a parser drops one, in any JSON', () => {
  const key = fc.oneof(fc.constantFrom('a', ':', '"', '\\', '__proto__', '1'), fc.string({ maxLength: 2 }));
  const members = fc.array(key, { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(members, { maxLength: 4 }), (objects) => {
      const text = `[${objects.map((keys) => `{${keys.map((one) => `${JSON.stringify(one)} : ":"`).join()}}`).join()}]`;
      const isTwice = objects.some((keys) => new Set(keys).size < keys.length);
      if (objects.flat().some(needsEscape))
        assert.throws(() => parse(text), /a quote, a backslash or a control character/);
      else if (isTwice) assert.throws(() => parse(text), /twice/);
      else assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});
