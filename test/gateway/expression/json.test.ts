import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { compileExpression, EvaluationError, parseJson } from '../../../gateway/expression/index.ts';
import { exchangeOf } from './exchange.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

const isLong = (value: unknown) => Number.isInteger(value) && !Number.isSafeInteger(value);

test('a body is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value, (_key, one) => (isLong(one) ? 0 : one));
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test('integers beyond what a double holds stay exact, so that two ids that differ in the last digit differ', async () => {
  assert.equal(parse('9007199254740993'), 9007199254740993n);
  assert.deepEqual(parse('{"id": [-9007199254740993]}'), { id: [-9007199254740993n] });
  assert.equal(parse('9007199254740991'), 9007199254740991);
  const evaluate = await compileExpression('webhook.payload.id == 9007199254740993', { result: 'boolean' });
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
  assert.throws(() => parse(`[${deep(200_000)}, 12345678901234567]`), /nested too deeply/);
  const evaluate = await compileExpression('webhook.payload[0] == webhook.payload[1]', { result: 'boolean' });
  const judge = (levels: number) =>
    evaluate(exchangeOf({ webhook: { payload: parse(`[${deep(levels)}, ${deep(levels)}]`) } }));
  assert.equal(judge(50), true);
  assert.throws(() => judge(200_000), /nested deeper than 64 levels/);
});

test('a part of a larger buffer is read by itself', () => {
  assert.deepEqual(parseJson(Buffer.from('xx{"a":1}xx').subarray(2, 9)), { a: 1 });
});
