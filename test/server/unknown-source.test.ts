import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, request, send } from '../support/gateway.ts';
import { HeldUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

/** Connects, sends a request and resets the connection while the server's thread sleeps. */
const client = `
  const { workerData } = require('node:worker_threads');
  const flag = new Int32Array(workerData.shared);
  const socket = require('node:net').connect(workerData.port, '127.0.0.1', () => {
    socket.write('POST /paid HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 2\\r\\n\\r\\nhi', () => socket.resetAndDestroy());
  });
  socket.on('close', () => { Atomics.store(flag, 0, 1); Atomics.notify(flag, 0); });
`;

test('nothing is carried out for a client that was gone before its address could be read', async (t) => {
  const upstream = new HeldUpstream();
  const records: FinishedRequest[] = [];
  const gateway = gatewayWith({ upstream, finished: (record) => records.push(record) });
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close(0));
  const shared = new SharedArrayBuffer(4);
  const worker = new Worker(client, { eval: true, workerData: { shared, port: server.address.port } });
  assert.notEqual(Atomics.wait(new Int32Array(shared), 0, 0, 10_000), 'timed-out');
  await once(worker, 'exit');
  const next = await RawClient.connect(server.address.port);
  next.send('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
  const { call, receiver } = await upstream.next();
  assert.equal(call.path, '/next');
  receiver.head(204, []);
  receiver.end();
  await next.until(/204/);
  assert.deepEqual(
    records.map(({ request: { clientIp } }) => clientIp),
    ['127.0.0.1'],
  );
  next.close();
});

for (const clientIp of [undefined, '', 'unknown', '192.0.2.256', '192.0.2.7:80', 'a.example']) {
  test(`the gateway refuses a request from ${JSON.stringify(clientIp)}, whichever host it comes from`, async () => {
    const upstream = new HeldUpstream();
    const gateway = gatewayWith({ upstream });
    const answer = await send(gateway, request({ clientIp }));
    assert.equal(answer.status, 403);
    assert.equal(JSON.parse(answer.body).code, 'gateway:unknown-source');
    const { reply } = await gateway.decide(request({ clientIp }));
    assert.equal(reply?.code, 'gateway:unknown-source');
    assert.equal(upstream.calls.length, 0);
  });
}
