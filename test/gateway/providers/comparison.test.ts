import assert from 'node:assert/strict';
import test from 'node:test';
import { createComparison } from '../../../gateway/providers/scheme/mac.ts';

test('texts of another length are never the same, whatever was compared before', () => {
  const same = createComparison(4);
  assert.equal(same('abcd', 'abcd'), true);
  // What is left of the comparison before would complete them.
  for (const [left, right] of [
    ['', ''],
    ['abc', 'abc'],
    ['abc', 'abcd'],
    ['abcd', 'abc'],
    ['abcde', 'abcd'],
    ['abcd', 'abcde'],
    ['abcde', 'abcdf'],
  ] as const)
    assert.equal(same(left, right), false, `${left} ${right}`);
});

test('a difference in any place counts', () => {
  const same = createComparison(64);
  const text = 'a'.repeat(64);
  for (let at = 0; at < text.length; at += 1)
    assert.equal(same(text, `${text.slice(0, at)}b${text.slice(at + 1)}`), false, `${at}`);
});
