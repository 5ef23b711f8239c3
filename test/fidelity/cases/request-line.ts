import { utf8 } from '../bytes.ts';
import type { FidelityCase } from '../case.ts';
import { payloadPage } from '../hosts.ts';
import { octets, pathSource, plain, unusual } from './parts.ts';

/** The method, the path and the query. */
export const requestLines: readonly FidelityCase[] = [
  ...['GET', 'OPTIONS', 'PROPFIND'].map(
    (method): FidelityCase => ({
      name: `the method ${method} without a body`,
      mode: 'full',
      request: { method, target: '/full/a', headers: [] },
      answer: plain,
      ...(method === 'PROPFIND' && unusual),
    }),
  ),
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'].map(
    (method): FidelityCase => ({
      name: `the method ${method} with a body`,
      mode: 'full',
      request: { method, target: '/full/a', headers: octets, body: utf8('body') },
      answer: plain,
      ...(method === 'QUERY' && unusual),
    }),
  ),

  ...[
    ['order and repeats', '?b=2&a=1&b=1&a=2'],
    ['empty values and empty names', '?a=&b&=c&&'],
    ['encodings as they were written', '?a=%20%2B%2f%2F%c3%BC%00&b=%zz'],
    ['a plus sign', '?a=1+2&b=1%2B2'],
    ['further question marks and slashes', '?a=b?c=d&url=http://x/y?z'],
    ['brackets and punctuation', "?a[]=1&b={x}|y^z`'()*!$,;:@"],
  ].map(
    ([what, query]): FidelityCase => ({
      name: `in the query, ${what}`,
      mode: 'full',
      request: { method: 'GET', target: `/full/a${query}`, headers: [] },
      answer: plain,
    }),
  ),
  {
    name: 'a bare question mark',
    mode: 'full',
    request: { method: 'GET', target: '/full/a?', headers: [] },
    answer: plain,
    platform: {
      lambda: {
        why: 'rawQueryString is empty with and without a question mark',
        source: payloadPage,
        seen: { target: '/full/a' },
      },
    },
  },

  ...[
    ['a trailing slash', '/full/a/'],
    ['no trailing slash', '/full/a'],
    ['nothing but the prefix', '/full/'],
    ['an encoded space', '/full/a%20b'],
    ['letters beyond ASCII', '/full/%C3%BC/%E4%B8%96%E7%95%8C'],
    ['punctuation that a path may hold', "/full/a.b-c_d~e!f$g&h'i(j)k*l+m,n=o:p@q"],
  ].map(
    ([what, target]): FidelityCase => ({
      name: `in the path, ${what}`,
      mode: 'full',
      request: { method: 'GET', target: target as string, headers: [] },
      answer: plain,
    }),
  ),
  {
    name: 'in the path, needless encodings are decoded and hex digits are in upper case',
    mode: 'full',
    request: { method: 'GET', target: '/full/%41%7e%c3%bc%2Bb%40c', headers: [] },
    answer: plain,
    gateway: {
      why: 'one canonical form is matched, decided on and forwarded (RFC 3986 sections 3.3 and 6.2.2)',
      seen: { target: '/full/A~%C3%BC+b@c' },
    },
  },
  {
    name: 'in the path, an encoding of an encoding',
    mode: 'full',
    request: { method: 'GET', target: '/full/a%2520b', headers: [] },
    answer: plain,
    platform: {
      server: {
        why: 'a target that decodes twice would read another path; a route may allow it',
        source: 'docs/configuration.md',
        seen: 'nothing',
        received: { status: 400, code: 'path:double-encoding' },
      },
      lambda: {
        why: 'an HTTP API decodes the path twice',
        source: pathSource,
        seen: { target: '/full/a%20b' },
      },
    },
  },

  ...(
    [
      ['an encoded percent sign', '/full/a%25b', { seen: 'nothing', received: { platform: 400 } }],
      ['an encoded question mark', '/full/a%3Fb', { seen: { target: '/full/a' } }],
    ] as const
  ).map(
    ([what, target, difference]): FidelityCase => ({
      name: `in the path, ${what}`,
      mode: 'full',
      request: { method: 'GET', target, headers: [] },
      answer: plain,
      platform: {
        lambda: {
          why: 'an HTTP API decodes the path twice, and in between cuts it at a question mark and refuses a bare percent sign',
          source: pathSource,
          ...difference,
        },
      },
    }),
  ),
];
