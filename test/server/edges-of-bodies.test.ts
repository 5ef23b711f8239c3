import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import { startServer } from '../../server/listener.ts';
import { ServerRequest } from '../../server/server-request.ts';
import { gatewayWith, instance } from '../support/gateway.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const wantsBody: Hooks = { body: { kind: 'all', limitBytes: 1 << 20 }, access: () => ({ kind: 'next' }) };
const start = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

async function answered(t: TestContext, bytes: string) {
  const gateway = gatewayWith({ instances: [instance('given', 1, wantsBody)] });
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits: { lingerMs: 50 } });
  const client = await RawClient.connect(server.address.port);
  t.after(() => server.close(0));
  return firstAnswer(await client.send(bytes).until(/\r\n\r\n[\s\S]+/));
}

for (const [what, bytes, status] of [
  ['trailers in one line', `${start}0\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ['trailers in many lines', `${start}0\r\n${'X: y\r\n'.repeat(20_000)}\r\n`, 431],
  ['extensions of one chunk', `${start}1;${'a'.repeat(20_000)}\r\na\r\n0\r\n\r\n`, 400],
] as const) {
  test(`what surrounds the bytes of a body has its limits: ${what}`, async (t) => {
    assert.equal((await answered(t, bytes)).status, status);
  });
}

test('trailers below the limit are not kept with the request, however many there are', () => {
  const request = new ServerRequest(new Socket());
  request.rawTrailers = ['x', 'y'];
  request.push(null);
  assert.deepEqual(request.rawTrailers, []);
});

for (const length of [1, 100, 60_000]) {
  test(`a request gets one answer, also when it was refused on its head and its body of ${length} bytes never comes`, async (t) => {
    const refusal = { kind: 'refuse', code: 'given:no', status: 403, title: 'No' } as const;
    const logged: string[] = [];
    const gateway = gatewayWith({
      instances: [instance('given', 1, { access: () => refusal })],
      finished: ({ id }) => logged.push(id),
    });
    const server = await startServer(gateway, {
      host: '127.0.0.1',
      port: 0,
      limits: { lingerMs: 50, headersTimeoutMs: 150, requestTimeoutMs: 150 },
    });
    const client = await RawClient.connect(server.address.port);
    t.after(() => server.close(0));
    const received = await client
      .send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`)
      .ended();
    assert.equal(received.match(/HTTP\/1\.1 /g)?.length, 1, received);
    assert.equal(firstAnswer(received).code, 'given:no');
    assert.equal(logged.length, 1);
  });
}
