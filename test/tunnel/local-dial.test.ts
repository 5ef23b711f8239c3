import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { DialError } from '../../base/net/dial-error.ts';
import { dialLocal } from '../../tunnel/local-dial.ts';
import { LocalApi } from '../../tunnel/localapi.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { FakeTailscaled } from './fake-tailscaled.ts';
import { listen } from './listen.ts';

const target = { host: 'target', port: 8080 };

function tailscaled(t: TestContext): { daemon: FakeTailscaled; clock: VirtualClock; api: LocalApi } {
  const clock = new VirtualClock();
  const daemon = new FakeTailscaled(clock);
  daemon.start();
  t.after(() => daemon.remove());
  return { daemon, clock, api: new LocalApi(daemon.socket, clock) };
}

async function serverThat(t: TestContext, server: Server): Promise<number> {
  t.after(() => server.close());
  return listen(server);
}

async function failing(clock: VirtualClock, dialed: Promise<unknown>): Promise<DialError> {
  return clock.run(dialed).then(
    () => assert.fail('it connected'),
    (error: DialError) => error,
  );
}

test('a dial through LocalAPI names the target and gives a socket to it', async (t) => {
  const { daemon, clock, api } = tailscaled(t);
  const port = await serverThat(
    t,
    createServer((socket) => void socket.pipe(socket)),
  );
  daemon.dials = () => port;
  const socket = await clock.run(dialLocal(api, target, 1_000));
  assert.deepEqual(daemon.calls, ['POST dial target:8080']);
  socket.write('ping');
  assert.equal(String((await once(socket, 'data'))[0]), 'ping');
  socket.destroy();
});

test('what the target says before it is asked is not lost', async (t) => {
  const { daemon, clock, api } = tailscaled(t);
  const port = await serverThat(
    t,
    createServer((socket) => socket.end('220 hello')),
  );
  daemon.dials = () => port;
  const socket = await clock.run(dialLocal(api, target, 1_000));
  assert.equal(await text(socket), '220 hello');
});

test('a host outside the tailnet is rejected, although tailscaled would let its caller dial it directly', async (t) => {
  const { daemon, clock, api } = tailscaled(t);
  daemon.dials = () => ({
    status: 200,
    headers: 'dial-self: true\r\ndial-addr: 127.0.0.1:8080\r\n',
    body: '',
  });
  const error = await failing(clock, dialLocal(api, target, 1_000));
  assert.deepEqual([error.failure, error.message], ['rejected', 'target is not in the tailnet']);
});

test('a failure that tailscaled tells is rejected with its words', async (t) => {
  const { daemon, clock, api } = tailscaled(t);
  daemon.dials = () => ({ status: 502, body: 'dial failure: connection was refused\n' });
  const error = await failing(clock, dialLocal(api, target, 1_000));
  assert.equal(error.failure, 'rejected');
  assert.equal(error.message, 'tailscaled answered 502: dial failure: connection was refused');
});

test('a dial ends when its time is over, and not before', async (t) => {
  const { clock, api } = tailscaled(t);
  const error = await failing(clock, dialLocal(api, target, 400));
  assert.deepEqual([error.failure, clock.monotonic()], ['timeout', 400]);
});

test('a tailscaled that is not there, and one that goes away, are no proxy', async (t) => {
  const { daemon, clock, api } = tailscaled(t);
  const dialed = dialLocal(api, target, 10_000);
  dialed.catch(() => {});
  while (daemon.calls.length === 0) await new Promise(setImmediate);
  daemon.crash('killed');
  assert.equal((await failing(clock, dialed)).failure, 'no-proxy');
  assert.equal((await failing(clock, dialLocal(api, target, 10_000))).failure, 'no-proxy');
});
