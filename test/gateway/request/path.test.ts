import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import {
  canonicalize,
  type PathAllowance,
  pathAllowances,
  rawRest,
  refuseAuthority,
  refuseUnallowed,
} from '../../../gateway/request/path.ts';

function pathOf(target: string, allowed: readonly PathAllowance[] = []): string {
  const result = canonicalize(target);
  if ('kind' in result) return result.code;
  return refuseUnallowed(result.needs, allowed)?.code ?? result.path;
}

const accepted: readonly [target: string, path: string][] = [
  ['/', '/'],
  ['/hooks/github', '/hooks/github'],
  ['/hooks/github/', '/hooks/github/'],
  ['/a.b/..c/.e/.well-known', '/a.b/..c/.e/.well-known'],
  ["/!$&'()*+,=:@-._~", "/!$&'()*+,=:@-._~"],
  ['/%61%2D%7e', '/a-~'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/100%25', '/100%25'],
  ['/a%20b', '/a%20b'],
  ['/%23%3f%5b', '/%23%3F%5B'],
  ['/UPPER/lower', '/UPPER/lower'],
  ['/v1/items%3Apurge', '/v1/items:purge'],
  ['/%40admin/x', '/@admin/x'],
  ['/a%21%24%26%27%28%29%2a%2B%2c%3d', "/a!$&'()*+,="],
  ['/100%25/x', '/100%25/x'],
  ['/50%25%20off', '/50%25%20off'],
  ['/Fate%EF%BC%8Fstay', '/Fate%EF%BC%8Fstay'],
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
  ['/a/%EF%BC%852e%EF%BC%852e/b', 'path:bad-encoding'],
  ['/a/%EF%BC%85%EF%BC%92%EF%BC%A5./b', 'path:bad-encoding'],
  ['/a%EF%B9%AA%C2%B2f..', 'path:bad-encoding'],
  ['/a%25%E3%8F%84b', 'path:bad-encoding'],
  ['/a/%EF%BC%8Fevil.example', 'path:empty-segment'],
  ['//', 'path:empty-segment'],
  ['//evil.example/a', 'path:empty-segment'],
  ['/a//b', 'path:empty-segment'],
  ['/a;b=c', 'path:parameter'],
  ['/a%3Bb', 'path:parameter'],
  [`/${'a'.repeat(16_384)}`, 'path:too-long'],
  ['/public/%252e%252e/admin', 'path:dot-segment'],
  ['/public/%25%32%65%25%32%65/admin', 'path:dot-segment'],
  ['/public/%2525252e./admin', 'path:dot-segment'],
  ['/public/..%252fadmin', 'path:dot-segment'],
  ['/public/..%255cadmin', 'path:backslash'],
  ['/a/..%3F/b', 'path:dot-segment'],
  ['/a/..%23/b', 'path:dot-segment'],
  ['/a/..%253fx/b', 'path:dot-segment'],
  ['/a/.;x/b', 'path:dot-segment'],
  ['/a/.../b', 'path:dot-segment'],
  ['/a/..%20/b', 'path:dot-segment'],
  ['/a/%20../b', 'path:dot-segment'],
  ['/a/%EF%BC%8E%EF%BC%8E/b', 'path:dot-segment'],
  ['/a/%E2%80%A5/b', 'path:dot-segment'],
  ['/a%EF%BC%8F..%EF%BC%8Fb', 'path:dot-segment'],
  ['/a%255cb', 'path:backslash'],
  ['/a%2500b', 'path:bad-character'],
  ['/a%09b', 'path:bad-character'],
  ['/a%250ab', 'path:bad-character'],
  ['/a%25c0%25afb', 'path:bad-encoding'],
  ['/a%u002eb', 'path:bad-encoding'],
  ['/a%25u002eb', 'path:bad-encoding'],
  ['/a%252Fb', 'path:encoded-slash'],
  ['/a%2541b', 'path:double-encoding'],
  ['/a%2520b', 'path:double-encoding'],
  ['/a%25%34%31b', 'path:double-encoding'],
  ['/a%253Bb', 'path:double-encoding'],
  ['/admin.', 'path:trailing-dot'],
  ['/admin./x', 'path:trailing-dot'],
  ['/admin%20', 'path:trailing-dot'],
  ['/admin.%20/x', 'path:trailing-dot'],
  ['/admin.%3Fx', 'path:trailing-dot'],
  ['/admin.;x', 'path:parameter'],
  ['/a/d../x', 'path:trailing-dot'],
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
  assert.equal(pathOf('/a%3Bb', [';']), '/a;b');
  assert.equal(pathOf('/wiki/Washington,_D.C.', ['.']), '/wiki/Washington,_D.C.');
  assert.equal(pathOf('/a%20', ['.']), '/a%20');
  assert.equal(pathOf('/a%2520b', ['%25']), '/a%2520b');
  assert.equal(pathOf('/a%252Fb', ['%2F']), '/a%252Fb');
  assert.equal(pathOf('/a%25252Fb', ['%2F']), 'path:double-encoding');
  assert.equal(pathOf('/a%2F%2Fb', ['%2F']), 'path:empty-segment');
  assert.equal(pathOf('/a/;x/b', [';']), 'path:empty-segment');
  for (const target of ['/a;x.', '/a;x./b', '/a.;x', '/a;x%20', '/a;%2e', '/a%3Fx./b', '/a%23x.'])
    assert.equal(pathOf(target, [';']), 'path:trailing-dot', target);
});

test('a character that Unicode makes a dot of spells no dot segment, whichever it is', () => {
  for (let code = 0x80; code < 0x11_0000; code += 1) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const character = String.fromCodePoint(code);
    const folded = character.normalize('NFKC');
    if (/^[. ]*\.[. ]*$/.test(folded))
      assert.equal(pathOf(`/a/${encodeURIComponent(character)}/b`), 'path:dot-segment', code.toString(16));
    if (/^[/\\]$/.test(folded)) {
      const target = `/a${encodeURIComponent(character)}..${encodeURIComponent(character)}b`;
      assert.equal(pathOf(target), 'path:dot-segment', code.toString(16));
    }
    if (/[/;?#\\]$/.test(folded) && folded.length === 1)
      assert.equal(pathOf(`/a/..${encodeURIComponent(character)}`), 'path:dot-segment', code.toString(16));
    if (/[. ]$/.test(folded) && !/^[. ]/.test(folded))
      assert.equal(pathOf(`/a${encodeURIComponent(character)}/b`), 'path:trailing-dot', code.toString(16));
  }
});

test('a path for the target that begins with two slashes, also once it is decoded, is refused', () => {
  for (const path of [
    '//evil.example/a',
    '/%2Fevil.example',
    '/%2fevil',
    '/%252Fevil',
    '/%25%32%66evil',
    '/%2525%32F',
    '/%25%2532Fevil',
    '/%25%32%35%32Fevil',
    '/;x/evil.example',
    '/%3Bx/evil.example',
    '/%20/evil.example',
    '/%EF%BC%8Fevil.example',
    '//evil.example?//',
  ])
    assert.equal(refuseAuthority(path)?.code, 'path:empty-segment', path);
  for (const path of ['/', '/a//b', '/a%2F%2Fb', '/a;x/b', '/;x', '/?//a', '/a?%zz'])
    assert.equal(refuseAuthority(path), undefined, path);
});

test('no allowance lets a dot segment through', () => {
  for (const target of ['/a%2f..%2fb', '/..;/b', '//../b', '/a/%2e%2e%2fb', '/a/%252e%252e/b', '/a/.../b']) {
    assert.equal(pathOf(target, pathAllowances), 'path:dot-segment', target);
  }
});

test('the query is kept byte for byte, and a bare question mark differs from no query', () => {
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
  unit: fc.constantFrom(...'/.%2eE5cCfF3bB;\\?#ab04\u0000é~ '.split('')),
  maxLength: 24,
});

/** What a program makes of a path: it decodes as often as it likes, and then reads it in its own way. */
const decoders: readonly ((path: string) => string)[] = [0, 1, 2, 3].map((times) => (path) => {
  let decoded = path;
  for (let time = 0; time < times; time += 1)
    decoded = decoded.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return decoded;
});
const readers: Readonly<Record<string, (path: string) => string>> = {
  'the URL standard': (path) => new URL(`http://h${path}`).pathname,
  'a POSIX path': (path) => posix.normalize(path),
  'a servlet container': (path) => posix.normalize(path.replace(/;[^/]*/g, '')),
  'a server that cuts at ? and #': (path) => posix.normalize(path.split(/[?#]/, 1)[0] as string),
  Windows: (path) =>
    win32
      .normalize(
        path
          .split(/[/\\]/)
          .map((segment) =>
            /^\.{1,2}$/.test(segment)
              ? segment
              : segment.replace(/[. ]+$/, /^[. ]*\.[. ]*$/.test(segment) ? '..' : ''),
          )
          .join('/'),
      )
      .replaceAll('\\', '/'),
};

const piece = fc.constantFrom(
  ...[
    '/',
    '.',
    '..',
    '%',
    '25',
    '2e',
    '2E',
    '2f',
    '%2e',
    '%2F',
    '%25',
    '%252e',
    '%252f',
    '%3b',
    ';',
    '%5c',
    '%3f',
    '%23',
  ],
  ...['%20', '...', '%32%65', '%EF%BC%8E', '%c0%ae', 'a', 'x=1', '//', '%2525', '%00', '%u002e'],
);
const target = fc.oneof(
  wild,
  fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
);

test('a canonical path is its own canonical form', () => {
  let accepted = 0;
  fc.assert(
    fc.property(target, (tail) => {
      const first = canonicalize(`/${tail}`);
      if ('kind' in first) return;
      accepted += 1;
      const again = canonicalize(first.path);
      assert.ok(!('kind' in again), first.path);
      assert.equal(again.path, first.path);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(accepted > 250, `only ${accepted} were accepted`);
});

test('no program that decodes as often as it likes and resolves in its own way leaves the prefix that was matched', () => {
  let accepted = 0;
  fc.assert(
    fc.property(target, (tail) => {
      const result = canonicalize(`/public/${tail}`);
      if ('kind' in result) return;
      accepted += 1;
      for (const decode of decoders) {
        const decoded = decode(result.path);
        assert.ok(!/[\\\u0000-\u001f\u007f]/.test(decoded), result.path);
        for (const [name, read] of Object.entries(readers))
          assert.match(read(decoded), /^\/public(\/|$)/, `${name} reads ${result.path} as ${read(decoded)}`);
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(accepted > 1_000, `only ${accepted} were accepted`);
});

test("the rest of the client's own encoding is what follows the same canonical characters", () => {
  let compared = 0;
  fc.assert(
    fc.property(target, target, (head, tail) => {
      const [first, whole] = [canonicalize(`/${head}`), canonicalize(`/${head}/${tail}`)];
      if (
        'kind' in first ||
        'kind' in whole ||
        first.query !== undefined ||
        !whole.path.startsWith(first.path)
      )
        return;
      compared += 1;
      assert.equal(rawRest(whole.rawPath, first.path.length), whole.rawPath.slice(first.rawPath.length));
    }),
    { numRuns: 5_000 },
  );
  assert.ok(compared > 50, `only ${compared} were compared`);
});

test('what the URL standard would resolve or rewrite is never accepted', () => {
  let accepted = 0;
  fc.assert(
    fc.property(target, (tail) => {
      const result = canonicalize(`/${tail}`);
      if ('kind' in result || result.needs.length > 0) return;
      accepted += 1;
      assert.equal(new URL(`http://h${result.path}`).pathname, result.path);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});
