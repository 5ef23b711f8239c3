import assert from 'node:assert/strict';
import http from 'node:http';
import { type TestContext, test } from 'node:test';
import { call } from '../../../base/http/call.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { listen, readBody } from '../../tunnel/listen.ts';

async function serve(t: TestContext, handler: http.RequestListener): Promise<URL> {
  const server = http.createServer(handler);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return new URL(`http://127.0.0.1:${await listen(server)}`);
}

test('a call gives the status, the headers and the body', async (t) => {
  const to = await serve(t, async (request, response) => {
    response.writeHead(201, { 'x-was': `${request.method} ${request.url}` }).end(await readBody(request));
  });
  const answer = await call({ to, method: 'POST', path: '/a?b', body: 'grün', timeoutMs: 1_000 });
  assert.deepEqual([answer.status, answer.headers['x-was'], answer.body], [201, 'POST /a?b', 'grün']);
});

test('an answer that does not come in time is given up', async (t) => {
  const to = await serve(t, () => {});
  const clock = new VirtualClock();
  const called = call({ to, method: 'GET', path: '/', timeoutMs: 50, clock });
  await assert.rejects(clock.run(called), { code: 'ETIMEDOUT', message: 'no answer within 50 ms' });
  assert.deepEqual([clock.monotonic(), clock.sleepers], [50, 0]);
});

test('an answer that trickles is given up too: the time is for all of it', async (t) => {
  const clock = new VirtualClock();
  const to = await serve(t, async (_, response) => {
    for (; !response.destroyed; await clock.sleep(10)) response.write('.');
  });
  const called = call({ to, method: 'GET', path: '/', timeoutMs: 100, clock });
  await assert.rejects(clock.run(called), { code: 'ETIMEDOUT' });
  assert.equal(clock.monotonic(), 100);
});

test('an answer that is too long is refused', async (t) => {
  const to = await serve(t, (_, response) => response.end('x'.repeat(100)));
  await assert.rejects(call({ to, method: 'GET', path: '/', timeoutMs: 1_000, maxBytes: 99 }), {
    code: 'EMSGSIZE',
  });
});

test('an answer that breaks off is an error, not a short body', async (t) => {
  const to = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('half', () => response.destroy());
  });
  await assert.rejects(call({ to, method: 'GET', path: '/', timeoutMs: 1_000 }), { code: 'ECONNRESET' });
});

test('an error says whether the request can have left', async (t) => {
  const cut = await serve(t, (request) => request.socket.destroy());
  await assert.rejects(call({ to: cut, method: 'GET', path: '/', timeoutMs: 1_000 }), {
    code: 'ECONNRESET',
    unsent: false,
  });
  const gone = http.createServer();
  const to = new URL(`http://127.0.0.1:${await listen(gone)}`);
  gone.close();
  await assert.rejects(call({ to, method: 'GET', path: '/', timeoutMs: 1_000 }), {
    code: 'ECONNREFUSED',
    unsent: true,
  });
  const tls = new URL(cut);
  tls.protocol = 'https:';
  await assert.rejects(call({ to: tls, method: 'GET', path: '/', timeoutMs: 1_000 }), { unsent: true });
});

test('a redirect is an answer, and is not followed', async (t) => {
  let calls = 0;
  const to = await serve(t, (_, response) => {
    calls += 1;
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  const answer = await call({ to, method: 'DELETE', path: '/', timeoutMs: 1_000 });
  assert.deepEqual([answer.status, calls], [307, 1]);
});
