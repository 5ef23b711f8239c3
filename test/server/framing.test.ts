import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { headBytes } from '../../server/framing.ts';
import { type RunningServer, startServer } from '../../server/listener.ts';
import { gatewayWith, instance } from '../support/gateway.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

let seen = 0;
let server: RunningServer;
before(async () => {
  const count = instance('count', 1, {
    body: { kind: 'all', limitBytes: 1024 },
    access: () => {
      seen += 1;
      return { kind: 'next' };
    },
  });
  const limits = { headerBytes: 8 * 1024, headerCount: 20, lingerMs: 100 };
  server = await startServer(gatewayWith({ instances: [count] }), { host: '127.0.0.1', port: 0, limits });
});
after(() => server.close(0));

const post = 'POST / HTTP/1.1\r\nHost: a\r\n';
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const many = Array.from({ length: 21 }, (_, at) => `x${at}: y\r\n`).join('');

const refused: readonly (readonly [what: string, bytes: string, status: number, code: string])[] = [
  [
    'both lengths',
    `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'http:ambiguous-length',
  ],
  [
    'both lengths the other way',
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    400,
    'http:ambiguous-length',
  ],
  [
    'a repeated content-length',
    `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    400,
    'http:ambiguous-length',
  ],
  [
    'two content-lengths',
    `${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    400,
    'http:ambiguous-length',
  ],
  ['a list of content-lengths', `${post}Content-Length: 3, 3\r\n\r\nabc`, 400, 'http:ambiguous-length'],
  ['a content-length with a sign', `${post}Content-Length: +3\r\n\r\nabc`, 400, 'http:ambiguous-length'],
  ['a content-length in hexadecimal', `${post}Content-Length: 0x3\r\n\r\nabc`, 400, 'http:ambiguous-length'],
  ['an empty content-length', `${post}Content-Length: \r\n\r\nabc`, 400, 'http:ambiguous-length'],
  [
    'a content-length past all bounds',
    `${post}Content-Length: 99999999999999999999\r\n\r\n`,
    400,
    'http:ambiguous-length',
  ],
  [
    'transfer-encoding twice',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'http:ambiguous-length',
  ],
  [
    'chunked that is not last',
    `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    400,
    'http:ambiguous-length',
  ],
  ['an unknown coding', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501, 'http:unknown-coding'],
  [
    'a coding below chunked',
    `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
    'http:unknown-coding',
  ],
  [
    'transfer-encoding in HTTP/1.0',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'http:ambiguous-length',
  ],
  [
    'transfer-encoding behind a vertical tab',
    `${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
    400,
    'http:malformed',
  ],
  ['a space before the colon', `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400, 'http:malformed'],
  ['lines that end in LF', 'GET / HTTP/1.1\nHost: a\n\n', 400, 'http:malformed'],
  ['a header line that ends in LF', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400, 'http:malformed'],
  ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n', 400, 'http:malformed'],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n', 400, 'http:malformed'],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n', 400, 'http:malformed'],
  ['a space before the first header', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400, 'http:malformed'],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n', 400, 'http:malformed'],
  ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nfoo\r\n\r\n', 400, 'http:malformed'],
  ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'http:malformed'],
  ['a byte above ASCII in the target', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'http:malformed'],
  ['the greeting of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'http:malformed'],
  ['HTTP/0.9', 'GET /\r\n\r\n', 505, 'http:version'],
  ['HTTP/2.0 in words', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505, 'http:version'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'http:version'],
  ['CONNECT', 'CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n', 501, 'http:connect'],
  [
    'another expectation',
    `${post}Expect: something\r\nContent-Length: 3\r\n\r\nabc`,
    417,
    'http:expectation',
  ],
  [
    'headers too large',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(9 * 1024)}\r\n\r\n`,
    431,
    'http:headers-too-large',
  ],
  ['too many headers', `GET / HTTP/1.1\r\nHost: a\r\n${many}\r\n`, 431, 'http:headers-too-large'],
  ['a chunk size that ends in LF', `${chunked}3\nabc\n0\n\n`, 400, 'http:malformed'],
  ['a chunk size in hexadecimal notation', `${chunked}0x3\r\nabc\r\n0\r\n\r\n`, 400, 'http:malformed'],
  ['a chunk size past all bounds', `${chunked}fffffffffffffffff\r\nabc\r\n0\r\n\r\n`, 400, 'http:malformed'],
  ['a chunk longer than its size', `${chunked}3\r\nabcd\r\n0\r\n\r\n`, 400, 'http:malformed'],
  ['a chunk extension that ends in LF', `${chunked}3;a\nabc\r\n0\r\n\r\n`, 400, 'http:malformed'],
];

for (const [what, bytes, status, code] of refused) {
  test(`refused with ${status} and a closed connection: ${what}`, async () => {
    seen = 0;
    const client = await RawClient.connect(server.address.port);
    const received = await client.send(bytes).ended();
    const answer = firstAnswer(received);
    assert.equal(answer.status, status, received);
    assert.equal(answer.code, code);
    assert.match(answer.headers, /connection: close/i);
    assert.match(answer.headers, /content-type: application\/problem\+json/);
    assert.match(answer.headers, /x-request-id: /);
    assert.equal(received.match(/HTTP\/1\.1 [0-9]/g)?.length, 1, 'one answer, not two');
    assert.equal(seen, 0, 'the gateway saw it');
  });
}

test('a request hidden in the body of a refused one is never run', async () => {
  seen = 0;
  const client = await RawClient.connect(server.address.port);
  client.send(
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const received = await client.ended();
  assert.equal(received.match(/HTTP\/1\.1 [0-9]/g)?.length, 1);
  assert.equal(seen, 0);
});

test('bytes after a request that closes the connection are not a request', async () => {
  seen = 0;
  const client = await RawClient.connect(server.address.port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  const received = await client.ended();
  assert.equal(firstAnswer(received).status, 200);
  assert.equal(seen, 1);
});

test('an answer on its way is not harmed by what is malformed after it', async () => {
  const client = await RawClient.connect(server.address.port);
  const received = await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n').ended();
  assert.equal(firstAnswer(received).status, 200);
  assert.match(received, /\r\n\r\nok$/);
});

const accepted: readonly (readonly [what: string, bytes: string])[] = [
  ['chunk extensions and trailers', `${chunked}3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n`],
  ['empty lines before a request', '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  [
    'an upgrade, which is ignored',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ],
  ['a body in a GET', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n'],
  [
    'other headers with names as long as content-length and transfer-encoding',
    'GET / HTTP/1.1\r\nHost: a\r\nAccept-Charset: 9999\r\nIf-Modified-Since: gzip\r\n\r\n',
  ],
];
for (const [what, bytes] of accepted) {
  test(`taken: ${what}`, async () => {
    const client = await RawClient.connect(server.address.port);
    const received = await client.send(bytes).until(/\r\n\r\nok$/);
    assert.equal(firstAnswer(received).status, 200);
    client.close();
  });
}

test('a head is charged for its lines too, however short they are', () => {
  const charged = (lines: number) => {
    const request = { url: '/', rawHeaders: Array.from({ length: 2 * lines }, () => 'a') };
    return headBytes(request as unknown as IncomingMessage);
  };
  assert.equal(charged(101) - charged(1), 100 * (2 + 100));
});
