import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, ok, upstreamOf } from '../support/gateway.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

async function open(t: TestContext) {
  let forwarded = 0;
  const upstream = upstreamOf((receiver) => {
    forwarded += 1;
    ok(receiver);
  });
  const server = await startServer(gatewayWith({ upstream }), {
    host: '127.0.0.1',
    port: 0,
    limits: { lingerMs: 50 },
  });
  t.after(() => server.close(0));
  return { client: await RawClient.connect(server.address.port), forwarded: () => forwarded };
}

const host = 'Host: a\r\n';
const foreign = [
  ['GET of RTSP', `GET / RTSP/1.0\r\n${host}\r\n`],
  ['POST of RTSP', `POST /reverse RTSP/1.0\r\n${host}Content-Length: 0\r\n\r\n`],
  ['OPTIONS of RTSP', `OPTIONS * RTSP/1.0\r\n${host}CSeq: 1\r\n\r\n`],
  ['more blanks in the line', `GET   /   RTSP/1.0\r\n${host}\r\n`],
  ['more blanks before a target in capitals', `GET${' '.repeat(12)}HTTP://a/b RTSP/1.1\r\n${host}\r\n`],
  ...Array.from({ length: 12 }, (_, at): [string, string] => [
    `${at} empty lines before a target in capitals`,
    `${'\r\n'.repeat(at)}GET HTTP://a/ RTSP/1.1\r\n${host}\r\n`,
  ]),
  ['a method of RTSP', `DESCRIBE / RTSP/1.0\r\n${host}\r\n`],
  ['another method of RTSP', `GET_PARAMETER / RTSP/1.0\r\n${host}\r\n`],
  ['ICE', `SOURCE /live.mp3 ICE/1.0\r\n${host}\r\n`],
  ['the next version of RTSP', `GET / RTSP/2.0\r\n${host}\r\n`],
  ['a version that RTSP does not have', `GET / RTSP/1.1\r\n${host}\r\n`],
  ['a body behind it', `POST /a RTSP/1.1\r\n${host}Content-Length: 2\r\n\r\nhi`],
  ['a version that RTSP does not have, with its header', `GET / RTSP/1.1\r\n${host}cseq: 1\r\n\r\n`],
] as const;

for (const [what, bytes] of foreign) {
  test(`another protocol than HTTP is a 505: ${what}`, async (t) => {
    const { client, forwarded } = await open(t);
    const { status, code } = firstAnswer(await client.send(bytes).ended());
    assert.deepEqual([status, code, forwarded()], [505, 'http:version', 0]);
  });
}

const foreignMethods = ['DESCRIBE', 'ANNOUNCE', 'SETUP', 'PLAY', 'PAUSE', 'TEARDOWN', 'GET_PARAMETER'];
for (const method of [...foreignMethods, 'SET_PARAMETER', 'REDIRECT', 'RECORD', 'FLUSH', 'SOURCE']) {
  test(`a method of another protocol tells, when its line came in an earlier packet too: ${method}`, async (t) => {
    const { client, forwarded } = await open(t);
    client.send(`${method} / ${method === 'SOURCE' ? 'ICE' : 'RTSP'}/1.0\r\nHo`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { status, code } = firstAnswer(await client.send('st: a\r\n\r\n').ended());
    assert.deepEqual([status, code, forwarded()], [505, 'http:version', 0]);
  });
}

test('another protocol behind requests that are HTTP is a 505 too', async (t) => {
  const { client, forwarded } = await open(t);
  const good = `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`;
  const received = await client.send(`${good}${good}GET /x RTSP/1.0\r\n${host}\r\n`).ended();
  assert.deepEqual(received.match(/HTTP\/1\.1 \d{3}/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 505']);
  assert.equal(forwarded(), 2);
});

test('another protocol in a packet behind the rest of a body that looks like HTTP is a 505 too', async (t) => {
  const { client, forwarded } = await open(t);
  const rest = 'GET /x HTTP/1.1\r\n';
  client.send(`POST / HTTP/1.1\r\n${host}Content-Length: ${rest.length + 1}\r\n\r\na`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const received = await client.send(`${rest}GET /x RTSP/1.1\r\n${host}\r\n`).ended();
  assert.match(received, /HTTP\/1\.1 505/);
  assert.ok(forwarded() <= 1);
});

test('a request of RTSP in many packets is told by what every one has', async (t) => {
  const { client, forwarded } = await open(t);
  for (const part of ['OPTI', 'ONS * RT', 'SP/1.0\r\nCS', 'eq: 1\r\n', host, '\r\n']) {
    client.send(part);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(firstAnswer(await client.ended()).status, 505);
  assert.equal(forwarded(), 0);
});

test('what only looks like another protocol is HTTP', async (t) => {
  for (const bytes of [
    `GET /RTSP/1.0 HTTP/1.0\r\n${host}\r\n`,
    `GET / HTTP/1.0\r\n${host}X: a RTSP/1.0\r\n\r\n`,
    `POST /x HTTP/1.0\r\n${host}Content-Length: 18\r\n\r\nGET /y RTSP/1.0\r\n\r`,
    `GET / HTTP/1.0\r\n${host}\r\n`,
    `GET /a HTTP/1.1\r\n${host}Connection: close\r\nX: /a RTSP/1.0\r\n\r\n`,
    `POST /a HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: 15\r\n\r\nGET /a RTSP/1.0`,
    `PUT /a HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: 15\r\n\r\nPUT /a RTSP/1.0`,
  ]) {
    const { client } = await open(t);
    assert.equal(firstAnswer(await client.send(bytes).ended()).status, 200, bytes);
  }
});
