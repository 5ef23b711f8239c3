import assert from 'node:assert/strict';
import test from 'node:test';
import type { Exchange } from '../../../gateway/request/exchange.ts';
import { compileLocations, type LocationOptions } from '../../../gateway/routing/answer-locations.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';

const client = { head: { scheme: 'https', authority: 'hooks.example.com:8443' } } as Exchange;
const defaults = { targetPath: 'keep', matchPath: '/*', basePath: '' };

function rewritten(
  name: string,
  value: string,
  options: Partial<LocationOptions> & { urls?: readonly string[] } = {},
) {
  const { urls = ['http://127.0.0.1:9000', 'http://builder.example.ts.net'], ...rest } = options;
  const headers = [name, value];
  compileLocations({ ...defaults, targets: urls.map((url) => parseTarget(url)), ...rest })(client, headers);
  return headers[1];
}

const here = 'https://hooks.example.com:8443';
const based = { urls: ['http://127.0.0.1:9000/base'] };
const strip = { targetPath: 'strip', matchPath: '/api/*' };
const fixed = { targetPath: '/webhook', matchPath: '/hooks/github' };
for (const [value, wanted, options] of [
  ['http://127.0.0.1:9000/a?b=1#c', `${here}/a?b=1#c`],
  ['https://127.0.0.1:9000/a', `${here}/a`],
  ['HTTP://BUILDER.example.ts.net:80/a', `${here}/a`],
  ['//127.0.0.1:9000/a', `${here}/a`],
  ['http://127.0.0.1:9000', `${here}/`],
  ['http://2130706433:9000/a', `${here}/a`],
  ['http://user:word@127.0.0.1:9000/a', `${here}/a`],
  ['http://hooks.example.com:8443/a', `${here}/a`],
  ['http://127.0.0.1:9001/a', 'http://127.0.0.1:9001/a'],
  ['http://127.0.0.1/a', 'http://127.0.0.1/a'],
  ['http://elsewhere.example/a', 'http://elsewhere.example/a'],
  ['http://elsewhere.example/http://127.0.0.1:9000/', 'http://elsewhere.example/http://127.0.0.1:9000/'],
  ['/a?b#c', '/a?b#c'],
  ['a/b', 'a/b'],
  ['', ''],
  ['http://[', 'http://['],
  ['mailto:a@127.0.0.1:9000', 'mailto:a@127.0.0.1:9000'],
  ['http://127.0.0.1:9000/base/a', `${here}/a`, based],
  ['http://127.0.0.1:9000/base', `${here}/`, based],
  ['http://127.0.0.1:9000/basement', `${here}/basement`, based],
  ['/base/a', '/a', based],
  ['/elsewhere', '/elsewhere', based],
  ['http://127.0.0.1:9000/a', `${here}/api/a`, strip],
  ['/a?b', '/api/a?b', strip],
  ['http://127.0.0.1:9000/a', `${here}/v1/api/a`, { ...strip, basePath: '/v1' }],
  ['http://127.0.0.1:9000/webhook?x', `${here}/hooks/github?x`, fixed],
  ['http://127.0.0.1:9000/other', `${here}/other`, fixed],
  ['/other', '/other', fixed],
] as const) {
  test(`a location ${value} of a target is ${wanted} for the client, with ${JSON.stringify(options ?? {})}`, () => {
    assert.equal(rewritten('Location', value, options), wanted);
    assert.equal(rewritten('content-location', value, options), wanted);
    assert.equal(rewritten('x-location', value, options), value);
  });
}

for (const [value, wanted] of [
  ['a=1; Domain=127.0.0.1; Path=/', 'a=1; Path=/'],
  ['a=1;domain = .BUILDER.example.ts.net ; Secure', 'a=1; Secure'],
  ['a=1; Domain=builder.example.ts.net', 'a=1'],
  ['a=1; Domain=example.ts.net', 'a=1; Domain=example.ts.net'],
  ['domain=127.0.0.1; Path=/', 'domain=127.0.0.1; Path=/'],
] as const) {
  test(`a cookie ${value} of a target is ${wanted} for the client`, () => {
    assert.equal(rewritten('set-cookie', value), wanted);
  });
}
