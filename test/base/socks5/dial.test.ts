import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { dialSocks, type SocksError } from '../../../base/socks5/dial.ts';
import { start } from '../../gateway/upstream/fixtures/server.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const accepts = Buffer.from([5, 0]);

/** A proxy that answers the greeting, and the request with whatever bytes it is given, in chunks of a length. */
async function startScript(t: TestContext, reply: Buffer, chunkBytes: number): Promise<number> {
  const { port } = await start(
    t,
    createServer(async function answer(socket) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      await once(socket, 'data');
      await writeSlowly(socket, accepts, chunkBytes);
      await once(socket, 'data');
      await writeSlowly(socket, reply, chunkBytes);
    }),
  );
  return port;
}

async function writeSlowly(socket: Socket, bytes: Buffer, chunkBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    socket.write(bytes.subarray(at, at + chunkBytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const dial = (port: number, host = 'builder.test') =>
  dialSocks({ host: '127.0.0.1', port }, { host, port: 80 }, 2_000, new VirtualClock());

async function failure(port: number, host?: string): Promise<SocksError> {
  return dial(port, host).then(
    () => assert.fail('it connected'),
    (error: SocksError) => error,
  );
}

const replies = {
  'an IPv4 address': Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 80]),
  'an IPv6 address': Buffer.from([5, 0, 0, 4, ...new Array<number>(16).fill(0), 0, 80]),
  'a name': Buffer.from([5, 0, 0, 3, 4, ...Buffer.from('name'), 0, 80]),
};

for (const [what, reply] of Object.entries(replies)) {
  for (const chunkBytes of [1, 3, 1_000]) {
    test(`a reply with ${what}, ${chunkBytes} bytes at a time: what the target says after it is not lost`, async (t) => {
      const port = await startScript(t, Buffer.concat([reply, Buffer.from('hello')]), chunkBytes);
      const socket = await dial(port);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      while (text.length < 5) await once(socket, 'data');
      assert.equal(text, 'hello');
      socket.destroy();
    });
  }
}

const broken: readonly (readonly [string, Buffer])[] = [
  ['another version', Buffer.from([4, 0, 0, 1])],
  ['an address of a type that does not exist', Buffer.from([5, 0, 0, 9, 0, 0])],
];
for (const [what, reply] of broken) {
  test(`a reply with ${what} is not accepted`, async (t) => {
    assert.equal((await failure(await startScript(t, reply, 1_000))).failure, 'no-proxy');
  });
}

test('a refusal that stops after its reason is a refusal', async (t) => {
  const error = await failure(await startScript(t, Buffer.from([5, 5]), 1));
  assert.deepEqual([error.failure, error.reply], ['rejected', 'ConnectionRefused']);
});

test('a name of more than 255 bytes is not sent', async (t) => {
  const port = await startScript(t, replies['a name'], 1_000);
  assert.match((await failure(port, 'x'.repeat(256))).message, /the name has 256 bytes; SOCKS5 allows 255/);
});

/** How far a proxy comes before it falls silent. */
const silences: readonly (readonly [string, readonly Buffer[]])[] = [
  ['at once', []],
  ['after its greeting', [accepts]],
  ['in the midst of its reply', [accepts, replies['a name'].subarray(0, 5)]],
];
for (const [when, said] of silences) {
  test(`a proxy that falls silent ${when} is given up when the time is over, and not before`, async (t) => {
    const proxy = await start(
      t,
      createServer(async function answer(socket) {
        for (const bytes of said) {
          await once(socket, 'data');
          socket.write(bytes);
        }
      }),
    );
    const clock = new VirtualClock();
    const to = { host: 'builder.test', port: 80 };
    const dialed = dialSocks({ host: '127.0.0.1', port: proxy.port }, to, 2_000, clock);
    await assert.rejects(clock.run(dialed), {
      failure: 'timeout',
      message: `the SOCKS5 proxy 127.0.0.1:${proxy.port} made no connection within 2000 ms`,
    });
    assert.deepEqual([clock.monotonic(), clock.sleepers], [2_000, 0]);
  });
}
