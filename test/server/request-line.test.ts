import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Upstream } from '../../gateway/upstream/upstream.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, ok } from '../support/gateway.ts';
import { echo } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

/** What reaches the target: method, path, the header X and the body. */
type Seen = readonly [method: string, path: string, x: string | undefined, body: string];

async function open(t: TestContext) {
  const seen: Seen[] = [];
  const upstream: Upstream = {
    timeoutMs: 10_000,
    forward(call, receiver) {
      const headers = call.headers('target.test');
      const at = headers.indexOf('X');
      echo(
        call.body,
        function onBody(body) {
          seen.push([call.method, call.path, at < 0 ? undefined : headers[at + 1], body.toString('latin1')]);
          ok(receiver);
        },
        (error) => receiver.fail({ status: 502, code: 'test', title: error.message } as never),
      );
      return { resume() {}, abort() {} };
    },
    ready: () => ({ ready: true, epoch: 0 }),
    close: async () => {},
  };
  const accepted = new Map<number | undefined, Socket>();
  const onSocket = (message: unknown) => {
    const { socket } = message as { readonly socket: Socket };
    accepted.set(socket.remotePort, socket);
  };
  subscribe('net.server.socket', onSocket);
  const server = await startServer(gatewayWith({ upstream }), {
    host: '127.0.0.1',
    port: 0,
    limits: { lingerMs: 50 },
  });
  t.after(async () => {
    await server.close(0);
    unsubscribe('net.server.socket', onSocket);
  });

  /** Sends each part once the server has parsed the one before, and gives the statuses of the answers. */
  async function exchange(...parts: readonly string[]): Promise<number[]> {
    const client = await RawClient.connect(server.address.port);
    let sent = 0;
    for (const part of parts) {
      client.send(part);
      sent += part.length;
      const arrived = () => {
        const socket = accepted.get(client.socket.localPort);
        return socket !== undefined && (socket.destroyed || socket.bytesRead >= sent);
      };
      while (!arrived()) await new Promise((resolve) => setImmediate(resolve));
    }
    const received = await client.ended();
    return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }
  return { exchange, seen };
}

/** Every way to cut a text into two packets. */
const cuts = (text: string, from = 1) =>
  Array.from({ length: text.length - from }, (_, at) => [text.slice(0, from + at), text.slice(from + at)]);

const close = 'Host: a\r\nConnection: close\r\n';

for (const method of ['GET', 'POST', 'OPTIONS']) {
  for (const version of ['RTSP/1.0', 'RTSP/1.1', 'RTSP/2.0']) {
    test(`RTSP is a 505 for every cut of its head into packets: ${method} ${version}`, async (t) => {
      const { exchange, seen } = await open(t);
      const text = `${method} /a ${version}\r\nHost: a\r\n\r\n`;
      for (const parts of cuts(text)) assert.deepEqual(await exchange(...parts), [505], parts.join('|'));
      assert.deepEqual(await exchange(...text), [505], 'one byte a packet');
      assert.deepEqual(seen, []);
    });
  }
}

test('RTSP in any form of the line is a 505 for every cut of its head into packets', async (t) => {
  const { exchange, seen } = await open(t);
  for (const text of [
    'GET rtsp://a/b RTSP/1.0\r\nHost: a\r\n\r\n',
    'GET http://a/b RTSP/1.0\r\nHost: a\r\n\r\n',
    'POST  /a:b   RTSP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
    '\r\n\r\nGET / RTSP/1.0\r\nHost: a\r\nX: GET / HTTP/1.1\r\n\r\n',
  ]) {
    const head = text.indexOf('Host');
    for (const parts of cuts(text)) {
      const [status] = await exchange(...parts);
      assert.equal(status, 505, parts.join('|'));
    }
    assert.equal((await exchange(...text.slice(0, head), text.slice(head)))[0], 505);
  }
  assert.deepEqual(seen, []);
});

for (const [what, target, blank] of [
  ['a long target', `/${'a'.repeat(10_000)}`, ' '],
  ['many blanks', '/', ' '.repeat(100_000)],
] as const) {
  test(`RTSP with ${what} is a 505 for every cut of its line into packets`, async (t) => {
    const { exchange, seen } = await open(t);
    for (const [before, after] of [
      [blank, ' '],
      [' ', blank],
    ]) {
      const line = `GET${before}${target}${after}RTSP/1.0\r\n`;
      for (let left = 0; left < 16; left += 1) {
        const at = line.length - left;
        const parts = [line.slice(0, 50), line.slice(50, at), line.slice(at), 'Host: a\r\n\r\n'].filter(
          Boolean,
        );
        assert.deepEqual(await exchange(...parts), [505]);
      }
      assert.deepEqual(await exchange(line, 'Host: a\r\n\r\n'), [505]);
    }
    assert.deepEqual(seen, []);
  });
}

const earlier = {
  'no body': ['GET /first HTTP/1.1\r\nHost: a\r\n\r\n', ['GET', '/first', undefined, '']],
  'a body': [
    'POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n\r\n\r\nx\ny',
    ['POST', '/first', undefined, '\r\n\r\nx\ny'],
  ],
  'a body in chunks': [
    'POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\n',
    ['POST', '/first', undefined, 'a\nb'],
  ],
  'the words of an honest line in its body': [
    'POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\nGET /b HTTP/1.1\r\n',
    ['POST', '/first', undefined, 'GET /b HTTP/1.1\r\n'],
  ],
} as const;

for (const [what, [first, seenFirst]] of Object.entries(earlier)) {
  test(`RTSP behind a request with ${what} is a 505 for every cut of the two into packets`, async (t) => {
    const { exchange, seen } = await open(t);
    const text = `${first}GET /b RTSP/1.0\r\nHost: a\r\n\r\n`;
    for (const parts of cuts(text)) {
      seen.length = 0;
      assert.deepEqual(await exchange(...parts), [200, 505], parts.join('|'));
      assert.deepEqual(seen, [seenFirst]);
    }
    assert.deepEqual(await exchange(...text), [200, 505], 'one byte a packet');
  });

  test(`HTTP behind a request with ${what} is carried out for every cut of the two into packets`, async (t) => {
    const { exchange, seen } = await open(t);
    const text = `${first}POST /b HTTP/1.1\r\n${close}X: RTSP/1.0\r\nContent-Length: 4\r\n\r\nbody`;
    const both = [seenFirst, ['POST', '/b', 'RTSP/1.0', 'body']];
    for (const parts of [...cuts(text), [...text]]) {
      seen.length = 0;
      assert.deepEqual(await exchange(...parts), [200, 200], parts.join('|'));
      assert.deepEqual([...seen].sort(byPath), [...both].sort(byPath));
    }
  });
}

function byPath(one: readonly unknown[], other: readonly unknown[]): number {
  return String(other[1]).localeCompare(String(one[1]));
}

for (const [method, target, x, body] of [
  ['GET', '/a', 'RTSP/1.0', ''],
  ['GET', '/RTSP/1.0', 'a RTSP/1.0', ''],
  ['POST', '/a?b=c', '/a RTSP/1.0', 'POST /a RTSP/1.0\r\n\r\n'],
  ['OPTIONS', '/a', `${'y'.repeat(300)}RTSP/1.0`, ''],
  ['PUT', '/a', 'PUT /a RTSP/1.0', 'PUT /a RTSP/1.0'],
] as const) {
  test(`HTTP is carried out for every cut of its head into packets: ${method} ${target} with ${x.slice(-20)}`, async (t) => {
    const { exchange, seen } = await open(t);
    const text = `${method} ${target} HTTP/1.1\r\n${close}X: ${x}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (const parts of [...cuts(text), [...text]]) {
      seen.length = 0;
      assert.deepEqual(await exchange(...parts), [200], parts.join('|'));
      assert.deepEqual(seen, [[method, target, x, body]]);
    }
  });
}

test('what a connection left unfinished is not taken for part of a request on the next one', async (t) => {
  const { exchange } = await open(t);
  const honest = `GET /a HTTP/1.1\r\n${close}\r\n`;
  for (let round = 0; round < 20; round += 1) {
    // The parser of the first connection is used again for one of those after it.
    assert.deepEqual(await exchange('GET / RTSP/1.0\r\nHost: a\r\n', 'broken\r\n\r\n'), [400]);
    assert.deepEqual(await exchange(honest), [200]);
    assert.deepEqual(await exchange(honest.slice(0, round + 5), honest.slice(round + 5)), [200]);
  }
});
