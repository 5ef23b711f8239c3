import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAccessLog } from '../../gateway/observe/access-log.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith } from '../support/gateway.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

async function open(t: TestContext) {
  const lines: Record<string, unknown>[] = [];
  const upstream = new HeldUpstream();
  const finished = createAccessLog((line) => lines.push(JSON.parse(line)));
  const server = await startServer(gatewayWith({ upstream, finished }), {
    host: '127.0.0.1',
    port: 0,
    limits: {
      headersTimeoutMs: 150,
      lingerMs: 50,
      headerCount: 20,
      pipelined: 2,
      memoryPerAddressBytes: 20_000,
    },
  });
  t.after(() => server.close(0));
  return { port: server.address.port, lines };
}

const rows: readonly (readonly [
  what: string,
  bytes: string,
  code: string,
  logged: Record<string, unknown>,
])[] = [
  ['bytes that are not HTTP', 'nonsense\r\n\r\n', 'http:malformed', {}],
  ['bytes that would forge a line', '{"event":"request"}\n{"a":1}\n', 'http:malformed', {}],
  ['a head that does not end', 'GET /never?secret HTTP/1.1\r\nHost: a\r\n', 'http:timeout', {}],
  [
    'a head that is too long',
    `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`,
    'http:headers-too-large',
    {},
  ],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http:version', {}],
  [
    'too many headers',
    `GET /many?secret HTTP/1.1\r\nHost: a.b\r\n${'X: y\r\n'.repeat(30)}\r\n`,
    'http:headers-too-large',
    { method: 'GET', host: 'a.b', path: '/many' },
  ],
  [
    'HTTP/0.9',
    'GET /old HTTP/0.9\r\nHost: a\r\n\r\n',
    'http:version',
    { method: 'GET', host: 'a', path: '/old' },
  ],
  [
    'another expectation',
    'POST /x HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 1\r\n\r\na',
    'http:expectation',
    { method: 'POST', host: 'a', path: '/x' },
  ],
  [
    'CONNECT',
    'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
    'http:connect',
    { method: 'CONNECT', host: 'a:443', path: 'a:443' },
  ],
  [
    'a head beyond what may be held',
    `GET /big HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    'http:headers-too-large',
    { method: 'GET', host: 'a', path: '/big' },
  ],
];

for (const [what, bytes, code, expected] of rows) {
  test(`an id that is given out is in the log, with all that is known: ${what}`, async (t) => {
    const { port, lines } = await open(t);
    const client = await RawClient.connect(port);
    const answer = firstAnswer(await client.send(bytes).ended());
    assert.equal(answer.code, code);
    const { id, status } = JSON.parse(answer.body);
    assert.equal(lines.length, 1);
    const [line = {}] = lines;
    assert.deepEqual(
      { id: line.id, status: line.status, code: line.code, source: line.source },
      { id, status, code, source: '127.0.0.1' },
    );
    const { method, host, path } = line;
    assert.deepEqual(
      { method, host, path },
      { method: undefined, host: undefined, path: undefined, ...expected },
    );
    assert.ok(!JSON.stringify(line).includes('secret'));
  });
}

const detailed: readonly (readonly [what: string, bytes: string, detail: RegExp])[] = [
  [
    'a head that is too long',
    `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`,
    /limit is 32768 bytes \(headerSize\)$/,
  ],
  [
    'too many headers',
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'X: y\r\n'.repeat(30)}\r\n`,
    /^32 headers, the limit is 20$/,
  ],
  [
    'another expectation',
    'POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: more\r\n\r\n',
    /^expect: more$/,
  ],
  ['a character in the path', 'GET /a|b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^"\|" at 2$/],
  [
    'two hosts',
    'GET http://b/x HTTP/1.1\r\nHost: a:81\r\nConnection: close\r\n\r\n',
    /^the target names b:80, the Host header a:81$/,
  ],
];

for (const [what, bytes, detail] of detailed) {
  test(`the log says which value was refused, or which limit: ${what}`, async (t) => {
    const { port, lines } = await open(t);
    const client = await RawClient.connect(port);
    await client.send(bytes).ended();
    assert.match(String(lines[0]?.detail), detail);
  });
}
