import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import type { CanonicalPath } from '../../../gateway/request/path.ts';
import { createRouter, type Entry } from '../../../gateway/routing/router.ts';

const entry = (value: string, path: string, hosts: string[] = [], methods: string[] = []): Entry<string> => ({
  value,
  match: { hosts, path, methods },
});

const router = createRouter([
  entry('everything', '/*'),
  entry('hooks', '/hooks/*'),
  entry('github', '/hooks/github'),
  entry('github-post', '/hooks/github', [], ['POST']),
  entry('deep', '/hooks/a/b/*', [], ['POST', 'PUT']),
  entry('host-hooks', '/hooks/*', ['a.example.com', 'b.example.com'], ['POST']),
  entry('host-exact', '/only', ['a.example.com'], ['PUT']),
]);

const table: readonly [host: string, method: string, path: string, value: string][] = [
  ['x', 'GET', '/', 'everything'],
  ['x', 'GET', '/hooks', 'everything'],
  ['x', 'GET', '/hooks/', 'hooks'],
  ['x', 'GET', '/hooks/gith', 'hooks'],
  ['x', 'GET', '/hooks/github', 'github'],
  ['x', 'POST', '/hooks/github', 'github-post'],
  ['x', 'POST', '/hooks/github/', 'hooks'],
  ['x', 'POST', '/HOOKS/github', 'everything'],
  ['x', 'POST', '/hooks/a/b/c/d', 'deep'],
  ['x', 'GET', '/hooks/a/b/c/d', 'hooks'],
  ['a.example.com', 'POST', '/hooks/github', 'host-hooks'],
  ['b.example.com', 'POST', '/hooks/z', 'host-hooks'],
  ['b.example.com', 'GET', '/hooks/z', 'hooks'],
  ['a.example.com', 'PUT', '/only', 'host-exact'],
];

for (const [host, method, path, value] of table) {
  test(`${method} ${host}${path} goes to the route ${value}`, () => {
    assert.deepEqual(router.find(host, path as CanonicalPath, method), { kind: 'found', value });
  });
}

test('a path that routes match only with other methods differs from one that no route matches', () => {
  const strict = createRouter([entry('a', '/a', [], ['POST']), entry('b', '/a', [], ['PUT'])]);
  assert.deepEqual(strict.find('x', '/a' as CanonicalPath, 'GET'), {
    kind: 'method',
    allow: ['POST', 'PUT'],
  });
  assert.equal(strict.find('x', '/b' as CanonicalPath, 'GET'), undefined);
});

test('two routes that match the very same requests are an error that names the second', () => {
  const same: readonly [Entry<string>, Entry<string>][] = [
    [entry('a', '/a'), entry('b', '/a')],
    [entry('a', '/a/*', ['h']), entry('b', '/a/*', ['g', 'h'])],
    [entry('a', '/a', [], ['GET', 'POST']), entry('b', '/a', [], ['POST'])],
  ];
  for (const pair of same) {
    assert.throws(
      () => createRouter(pair),
      (error) => error instanceof ConfigurationError && error.path[0] === 1,
    );
  }
  createRouter([
    entry('a', '/a', ['h']),
    entry('b', '/a'),
    entry('c', '/a', [], ['GET']),
    entry('d', '/a/*'),
  ]);
});

test('a path is looked up by the lengths of prefixes that exist, however many slashes it has', (t) => {
  const lengths = [
    entry('a', '/a/*'),
    entry('b', '/b/*'),
    entry('c', '/a/b/*'),
    entry('d', '/long/prefix/*', ['h']),
  ];
  const few = createRouter(lengths);
  const paths = ['/', '/a/', '/zz/', '/a/b/', '/;/'].map((piece) => piece.repeat(16_384 / piece.length));
  for (const path of paths) {
    const get = t.mock.method(Map.prototype, 'get');
    few.find('h', path as CanonicalPath, 'GET');
    // The host, the exact path and at most three lengths, for the host and for any host, and the method.
    assert.ok(get.mock.callCount() <= 8, `${path.slice(0, 9)}: ${get.mock.callCount()} look-ups`);
    get.mock.restore();
  }
});

test('names that objects inherit are no routes', () => {
  for (const host of ['constructor', '__proto__', 'toString']) {
    assert.equal(createRouter([entry('a', '/a', ['h'])]).find(host, '/a' as CanonicalPath, 'GET'), undefined);
  }
});

test('the longest prefix wins whatever the order of the routes', () => {
  const prefixes = fc.uniqueArray(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }), {
    selector: (parts) => parts.join('/'),
    minLength: 1,
    maxLength: 12,
  });
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(prefixes, path, (all, parts) => {
      const entries = all.map((prefix) => {
        const text = `/${prefix.map((part) => `${part}/`).join('')}*`;
        return entry(text, text);
      });
      const wanted = `/${parts.join('/')}`;
      const expected = entries
        .map(({ value }) => value)
        .filter((value) => wanted.startsWith(value.slice(0, -1)))
        .sort((a, b) => b.length - a.length)[0];
      const found = createRouter(entries).find('h', wanted as CanonicalPath, 'GET');
      assert.equal(found?.kind === 'found' ? found.value : undefined, expected);
    }),
  );
});

test('a method that opens a tunnel or echoes the request is taken by no route that does not name it', () => {
  const routes = createRouter([
    entry('any', '/any'),
    entry('any below', '/*'),
    entry('named', '/named', [], ['TRACE', 'TRACK']),
    entry('post', '/post', [], ['POST']),
  ]);
  const find = (path: string, method: string) => routes.find('h', path as CanonicalPath, method);
  for (const method of ['TRACE', 'TRACK', 'CONNECT'])
    for (const path of ['/any', '/post', '/else', '/named']) {
      if (path === '/named' && (method === 'TRACE' || method === 'TRACK')) continue;
      const found = find(path, method);
      assert.equal(found?.kind, 'method', `${method} ${path}`);
      if (found?.kind === 'method') {
        assert.ok(found.allow.includes('GET'), 'Allow says what the route takes');
        assert.equal(new Set(found.allow).size, found.allow.length);
      }
    }
  const usual = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  assert.deepEqual(find('/any', 'TRACE'), { kind: 'method', allow: usual });
  assert.deepEqual(find('/named', 'TRACE'), { kind: 'found', value: 'named' });
  for (const method of ['GET', 'POST', 'PROPFIND', 'M-SEARCH', 'QUERY', 'TRACES'])
    assert.deepEqual(find('/any', method), { kind: 'found', value: 'any' });
});
