import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestPath } from '../../functions/request-path.ts';
import { canonicalize } from '../../gateway/request/path.ts';

const encodings: [rawPath: string, path: string][] = [
  ['/', '/'],
  ['', '/'],
  ['/a/b/', '/a/b/'],
  ['/space value', '/space%20value'],
  ['/hash#value', '/hash%23value'],
  ['/literal?value', '/literal%3Fvalue'],
  ['/literal%value', '/literal%25value'],
  ['/looks%20encoded', '/looks%2520encoded'],
  ['/unicode-λ-世界-🚪', '/unicode-%CE%BB-%E4%B8%96%E7%95%8C-%F0%9F%9A%AA'],
  ['/[a]{b}|"c"<d>^`e`', '/%5Ba%5D%7Bb%7D%7C%22c%22%3Cd%3E%5E%60e%60'],
  ["/a.b-c_d~e!f$g&h'i(j)k*l+m,n;o=p:q@r", "/a.b-c_d~e!f$g&h'i(j)k*l+m,n;o=p:q@r"],
];
for (const [rawPath, path] of encodings) {
  test(`the decoded path ${JSON.stringify(rawPath)} is written as ${path}`, () => {
    assert.equal(requestPath(rawPath, '$default'), path);
  });
}

const stages: [rawPath: string, stage: string, path: string][] = [
  ['/prod/hooks', 'prod', '/hooks'],
  ['/prod/', 'prod', '/'],
  ['/prod', 'prod', '/'],
  ['/prod/prod/x', 'prod', '/prod/x'],
  ['/production/x', 'prod', '/production/x'],
  ['/$default/x', '$default', '/$default/x'],
];
for (const [rawPath, stage, path] of stages) {
  test(`at the stage ${stage}, ${rawPath} is ${path}`, () => {
    assert.equal(requestPath(rawPath, stage), path);
  });
}

const refused: [rawPath: string, code: string][] = [
  ['/a\\b', 'path:backslash'],
  ['/a/../b', 'path:dot-segment'],
  ['/a/.', 'path:dot-segment'],
  ['/a\u0000b', 'path:bad-character'],
  ['/a\nb', 'path:bad-character'],
  ['/a\u007fb', 'path:bad-character'],
  ['/not\uFFFDutf8', 'path:bad-character'],
  ['/half\uD83D', 'path:bad-character'],
  ['a', 'path:not-origin-form'],
  ['*', 'path:not-origin-form'],
];
for (const [rawPath, code] of refused) {
  test(`what could be read in two ways stays refused: ${JSON.stringify(rawPath)}`, () => {
    const target = canonicalize(requestPath(rawPath, '$default'));
    assert.ok('kind' in target);
    assert.equal(target.code, code);
  });
}

test('whatever the gateway takes, decodes once to what API Gateway routed on', () => {
  const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
  let taken = 0;
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 5 }), (segments) => {
      const rawPath = `/${segments.join('/')}`;
      const target = canonicalize(requestPath(rawPath, '$default'));
      if ('kind' in target) return;
      taken += 1;
      assert.equal(decodeURIComponent(target.path), rawPath);
      assert.equal(target.query, undefined);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(taken > 500, `only ${taken} were taken`);
});
