import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ListenOptions, type RunningServer, startServer } from '../../server/listener.ts';
import { gatewayWith } from '../support/gateway.ts';
import { RawClient } from './raw-client.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface Given {
  readonly limits: ListenOptions['limits'];
}

async function serve(t: TestContext, { limits }: Given): Promise<RunningServer> {
  const server = await startServer(gatewayWith({}), { host: '127.0.0.1', port: 0, limits: limits ?? {} });
  t.after(() => server.close(0));
  return server;
}

test('one address has its part of the connections, and another is served meanwhile', async (t) => {
  const server = await serve(t, { limits: { connections: 10, connectionsPerAddress: 2 } });
  const open = (from?: string) => RawClient.connect(server.address.port, from);
  const [one, two] = [await open(), await open()];
  const three = await open();
  await three.send(get).ended();
  assert.equal(three.received, '');
  const other = await open('127.0.0.2');
  for (const client of [one, two, other]) await client.send(get).until(/200 OK/);
  one.socket.resetAndDestroy();
  await delay(20);
  const next = await open();
  await next.send(get).until(/200 OK/);
  for (const client of [two, other, next]) client.close();
});

test('more connections than the limit are closed at once', async (t) => {
  const server = await serve(t, { limits: { connections: 2 } });
  const [one, two] = [
    await RawClient.connect(server.address.port),
    await RawClient.connect(server.address.port),
  ];
  const three = await RawClient.connect(server.address.port);
  await three.send(get).ended();
  assert.equal(three.received, '');
  await one.send(get).until(/200 OK/);
  await two.send(get).until(/200 OK/);
  one.close();
  two.close();
});
