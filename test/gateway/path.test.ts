import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { canonicalize, type PathAllowance, refuseUnallowed } from '../../gateway/path.ts';

function pathOf(target: string, allowed: readonly PathAllowance[] = []): string {
  const result = canonicalize(target);
  if ('kind' in result) return result.code;
  return refuseUnallowed(result.needs, allowed)?.code ?? result.path;
}

const accepted: readonly [target: string, path: string][] = [
  ['/', '/'],
  ['/hooks/github', '/hooks/github'],
  ['/hooks/github/', '/hooks/github/'],
  ['/a.b/..c/d../.e/...', '/a.b/..c/d../.e/...'],
  ["/!$&'()*+,=:@-._~", "/!$&'()*+,=:@-._~"],
  ['/%61%2D%7e', '/a-~'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/100%25', '/100%25'],
  ['/a%20b', '/a%20b'],
  ['/%23%3f%5b', '/%23%3F%5B'],
  ['/UPPER/lower', '/UPPER/lower'],
];

test('a path may have 256 segments', () => {
  const path = '/a'.repeat(256);
  assert.equal(pathOf(path), path);
  assert.equal(pathOf(`${path}?${'/'.repeat(300)}`), path);
});

const refused: readonly [target: string, code: string][] = [
  ['', 'path:not-origin-form'],
  ['*', 'path:not-origin-form'],
  ['hooks', 'path:not-origin-form'],
  ['http://example.com/hooks', 'path:not-origin-form'],
  ['?a=b', 'path:not-origin-form'],
  ['/a/../b', 'path:dot-segment'],
  ['/a/./b', 'path:dot-segment'],
  ['/..', 'path:dot-segment'],
  ['/a/.', 'path:dot-segment'],
  ['/a/%2e%2E/b', 'path:dot-segment'],
  ['/a/.%2e', 'path:dot-segment'],
  ['/a/..;x=1/b', 'path:dot-segment'],
  ['/a/..%3bx/b', 'path:dot-segment'],
  ['/a%2f..%2fb', 'path:dot-segment'],
  ['/a%2Fb', 'path:encoded-slash'],
  ['/a%2fb', 'path:encoded-slash'],
  ['/a\\b', 'path:backslash'],
  ['/a%5cb', 'path:backslash'],
  ['/a%00b', 'path:bad-character'],
  ['/a%0d%0ab', 'path:bad-character'],
  ['/a%7fb', 'path:bad-character'],
  ['/a\u0000b', 'path:bad-character'],
  ['/a b', 'path:bad-character'],
  ['/a#b', 'path:bad-character'],
  ['/a"b', 'path:bad-character'],
  ['/a<b', 'path:bad-character'],
  ['/a|b', 'path:bad-character'],
  ['/caf\u00e9', 'path:bad-character'],
  ['/a?b#c', 'path:bad-character'],
  ['/a?b c', 'path:bad-character'],
  ['/a%', 'path:bad-encoding'],
  ['/a%4', 'path:bad-encoding'],
  ['/a%zz', 'path:bad-encoding'],
  ['/a%c0%af', 'path:bad-encoding'],
  ['/a%ff', 'path:bad-encoding'],
  ['/a%ed%a0%80', 'path:bad-encoding'],
  ['/a%c3/%a9', 'path:bad-encoding'],
  ['//', 'path:empty-segment'],
  ['//evil.example/a', 'path:empty-segment'],
  ['/a//b', 'path:empty-segment'],
  ['/a;b=c', 'path:parameter'],
  ['/a%3Bb', 'path:parameter'],
  [`/${'a'.repeat(16_384)}`, 'path:too-long'],
  ['/'.repeat(16_300), 'path:too-many-segments'],
  ['/a'.repeat(257), 'path:too-many-segments'],
  [`${'/a'.repeat(200)}/${'a%2fa%2F'.repeat(30)}`, 'path:too-many-segments'],
];

for (const [target, path] of accepted) {
  test(`the target ${target} has the canonical path ${path}`, () => assert.equal(pathOf(target), path));
}

for (const [target, code] of refused) {
  test(`the target ${JSON.stringify(target.slice(0, 40))} is refused as ${code}`, () =>
    assert.equal(pathOf(target), code));
}

test('a route may allow encoded slashes, parameters and empty segments, each on its own', () => {
  assert.equal(pathOf('/a%2fb', ['%2F']), '/a%2Fb');
  assert.equal(pathOf('/a;b=c', [';']), '/a;b=c');
  assert.equal(pathOf('/a//b', ['//']), '/a//b');
  assert.equal(pathOf('/a//b', ['%2F', ';']), 'path:empty-segment');
});

test('no allowance lets a dot segment through', () => {
  for (const target of ['/a%2f..%2fb', '/..;/b', '//../b', '/a/%2e%2e%2fb']) {
    assert.equal(pathOf(target, ['%2F', ';', '//']), 'path:dot-segment', target);
  }
});

test('the query is kept byte for byte, and a bare question mark is told from none', () => {
  const queries: readonly [string, string | undefined][] = [
    ['/a', undefined],
    ['/a?', ''],
    ['/a?b=c&b=d&=&&%zz', 'b=c&b=d&=&&%zz'],
    ['/a?b?c=/../%2f', 'b?c=/../%2f'],
  ];
  for (const [target, query] of queries) {
    const result = canonicalize(target);
    assert.ok(!('kind' in result));
    assert.equal(result.query, query);
  }
});

const wild = fc.string({
  unit: fc.constantFrom(...'/.%2eE5cCfF3bB;\\?#ab\u0000é~ '.split('')),
  maxLength: 24,
});

test('a canonical path is its own canonical form', () => {
  fc.assert(
    fc.property(wild, (tail) => {
      const first = canonicalize(`/${tail}`);
      if ('kind' in first) return;
      const again = canonicalize(first.path);
      assert.ok(!('kind' in again), first.path);
      assert.equal(again.path, first.path);
    }),
    { numRuns: 5_000 },
  );
});

test('no decoder in common use finds a dot segment, a backslash or a control character in a canonical path', () => {
  fc.assert(
    fc.property(wild, (tail) => {
      const result = canonicalize(`/${tail}`);
      if ('kind' in result) return;
      const decoded = decodeURIComponent(result.path);
      assert.ok(!/[\\\u0000-\u001f\u007f]/.test(decoded));
      assert.ok(!decoded.split('/').some((segment) => /^\.{1,2}(;.*)?$/.test(segment)), result.path);
    }),
    { numRuns: 5_000 },
  );
});

test('what the URL standard would resolve or rewrite is never accepted', () => {
  fc.assert(
    fc.property(wild, (tail) => {
      const result = canonicalize(`/${tail}`);
      if ('kind' in result || result.needs.length > 0) return;
      assert.equal(new URL(`http://h${result.path}`).pathname, result.path);
    }),
    { numRuns: 5_000 },
  );
});
