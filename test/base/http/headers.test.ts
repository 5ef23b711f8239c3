import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  allHeaders,
  findHeader,
  hasHeader,
  onlyHeader,
  removeHeader,
  setHeader,
} from '../../../base/http/headers.ts';

/** Few names, in any case, so that lists repeat them; some that share a length or begin alike. */
const lowerName = fc.constantFrom('cookie', 'accept', 'x-a', 'x-b', 'x_a', 'x-ab', 'content-length');
const spelt = fc
  .tuple(lowerName, fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }))
  .map(([name, upper]) =>
    [...name].map((letter, at) => (upper[at] ? letter.toUpperCase() : letter)).join(''),
  );
const lists = fc
  .array(fc.tuple(spelt, fc.string({ maxLength: 3 })), { maxLength: 12 })
  .map((pairs) => pairs.flat());

/** The model: pairs, and one rule for what has a name. */
const pairsOf = (headers: readonly string[]) =>
  headers.flatMap((name, at) => (at % 2 === 0 ? [{ name, value: headers[at + 1] as string }] : []));
const flat = (pairs: ReturnType<typeof pairsOf>) => pairs.flatMap(({ name, value }) => [name, value]);
const valuesOf = (headers: readonly string[], wanted: string) =>
  pairsOf(headers).flatMap(({ name, value }) => (name.toLowerCase() === wanted ? [value] : []));

test('every look-up finds what a plain walk over the pairs finds, in whatever case and however often', () => {
  fc.assert(
    fc.property(lists, lowerName, (headers, name) => {
      const values = valuesOf(headers, name);
      const joined = (separator: string) => (values.length === 0 ? undefined : values.join(separator));
      assert.deepEqual(allHeaders(headers, name), values);
      assert.equal(hasHeader(headers, name), values.length > 0);
      assert.equal(findHeader(headers, name), joined(name === 'cookie' ? '; ' : ', '));
      assert.equal(findHeader(headers, name, ','), joined(','));
      assert.equal(onlyHeader(headers, name), values.length > 1 ? null : values[0]);
    }),
    { numRuns: 2_000 },
  );
});

test('a removed header is gone in every spelling, and all others stay in their order', () => {
  fc.assert(
    fc.property(lists, lowerName, (headers, name) => {
      const expected = flat(pairsOf(headers).filter((pair) => pair.name.toLowerCase() !== name));
      const changed = [...headers];
      removeHeader(changed, name);
      assert.deepEqual(changed, expected);
      removeHeader(changed, name);
      assert.deepEqual(changed, expected);
    }),
    { numRuns: 2_000 },
  );
});

test('a header that is set is there once, with its new value, behind all others', () => {
  fc.assert(
    fc.property(lists, lowerName, fc.string(), (headers, name, value) => {
      const changed = [...headers];
      removeHeader(changed, name);
      const others = [...changed];
      setHeader(changed, name, value);
      assert.deepEqual(changed, [...others, name, value]);
      assert.equal(onlyHeader(changed, name), value);
    }),
  );
});

test('an empty value is a value: the header is there, and its repetition is one', () => {
  assert.deepEqual([findHeader(['X-A', ''], 'x-a'), onlyHeader(['X-A', ''], 'x-a')], ['', '']);
  assert.equal(onlyHeader(['x-a', '', 'X-A', ''], 'x-a'), null);
  assert.equal(findHeader(['x-a', '', 'X-A', 'b'], 'x-a'), ', b');
});

test('a value that reads like a name is not found, and a name without a value is not a header', () => {
  assert.equal(findHeader(['accept', 'x-a', 'x-b', '1'], 'x-a'), undefined);
  for (const look of [hasHeader, findHeader, onlyHeader])
    assert.ok(!look(['accept', 'a', 'x-a'], 'x-a'), look.name);
});
