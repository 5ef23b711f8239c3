import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type RouteSocks, replies, startSocks5Server } from '../../demo/socks5-server.ts';

const greeting = [5, 1, 0];
const toName = (name: string, port: number) => [
  5,
  1,
  0,
  3,
  name.length,
  ...Buffer.from(name),
  port >> 8,
  port & 255,
];

async function server(t: TestContext, route: RouteSocks): Promise<number> {
  const started = await startSocks5Server(route);
  t.after(() => started.close());
  return started.port;
}

/** Sends bytes, in pieces, and gives all that comes back until the server closes or says enough. */
function talk(
  port: number,
  pieces: readonly (readonly number[])[],
  enough = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= enough) socket.destroy();
    });
    socket.on('error', reject).on('close', () => resolve(answer));
    void (async () => {
      for (const piece of pieces) {
        socket.write(Buffer.from(piece));
        await new Promise((next) => setTimeout(next, 2));
      }
    })();
  });
}

async function echo(t: TestContext): Promise<number> {
  const target = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  t.after(() => target.close());
  return (target.address() as { port: number }).port;
}

const accepted = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

test('a request that comes byte by byte is understood, and bytes go both ways', async (t) => {
  const target = await echo(t);
  const asked: string[] = [];
  const port = await server(t, (host, to) => {
    asked.push(`${host}:${to}`);
    return { host: '127.0.0.1', port: target };
  });
  const bytes = [...greeting, ...toName('web.test', 8080)].map((byte) => [byte]);
  const answer = await talk(port, [...bytes, [...Buffer.from('hello')]], accepted.length + 5);
  assert.deepEqual([...answer], [...accepted, ...Buffer.from('hello')]);
  assert.deepEqual(asked, ['web.test:8080']);
});

test('a client that sends everything at once, its first bytes too, loses none', async (t) => {
  const target = await echo(t);
  const port = await server(t, () => ({ host: '127.0.0.1', port: target }));
  const all = [...greeting, ...toName('web.test', 80), ...Buffer.from('early')];
  const answer = await talk(port, [all], accepted.length + 5);
  assert.deepEqual([...answer], [...accepted, ...Buffer.from('early')]);
});

test('a connection may go to a unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-'));
  const path = join(folder, 'target.sock');
  const target = createServer((socket) => socket.end('from a unix socket'));
  await new Promise<void>((resolve) => target.listen(path, resolve));
  t.after(() => target.close(() => rm(folder, { recursive: true })));
  const port = await server(t, () => ({ path }));
  const answer = await talk(port, [greeting, toName('web.test', 80)]);
  assert.equal(answer.subarray(accepted.length).toString(), 'from a unix socket');
});

test('each half of a connection ends by itself: what follows the end of the other half still arrives', async (t) => {
  const target = createServer({ allowHalfOpen: true }, (socket) => {
    socket.resume().on('end', () => setTimeout(() => socket.end('after your end'), 10));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  t.after(() => target.close());
  const { port: to } = target.address() as { port: number };
  const port = await server(t, () => ({ host: '127.0.0.1', port: to }));
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(Buffer.from([...greeting, ...toName('web.test', 80)]));
  const chunks: Buffer[] = [];
  socket.on('data', function endOnceAccepted(chunk: Buffer) {
    chunks.push(chunk);
    if (Buffer.concat(chunks).length === accepted.length) socket.end('my end');
  });
  await new Promise((resolve) => socket.on('end', resolve));
  assert.equal(Buffer.concat(chunks).subarray(accepted.length).toString(), 'after your end');
});

test('a client that leaves before it was answered is not connected', async (t) => {
  const asked: string[] = [];
  let decide = () => {};
  const target = createServer(() => assert.fail('the target was reached'));
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  t.after(() => target.close());
  const { port: to } = target.address() as { port: number };
  const port = await server(t, (host) => {
    asked.push(host);
    return new Promise((resolve) => {
      decide = () => resolve({ host: '127.0.0.1', port: to });
    });
  });
  await talk(port, [[...greeting, ...toName('web.test', 80)]], 2);
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  decide();
  await new Promise((resolve) => setTimeout(resolve, 20));
});

const refusals: readonly (readonly [
  what: string,
  pieces: readonly (readonly number[])[],
  answer: readonly number[],
])[] = [
  ['no method but a password', [[5, 1, 2]], [5, 0xff]],
  [
    'BIND',
    [greeting, [5, 2, 0, 1, 127, 0, 0, 1, 0, 80]],
    [5, 0, 5, replies.commandNotSupported, 0, 1, 0, 0, 0, 0, 0, 0],
  ],
  [
    'an unknown type of address',
    [greeting, [5, 1, 0, 9, 1, 1]],
    [5, 0, 5, replies.addressNotSupported, 0, 1, 0, 0, 0, 0, 0, 0],
  ],
  [
    'what the route refuses',
    [greeting, toName('no.test', 80)],
    [5, 0, 5, replies.notAllowed, 0, 1, 0, 0, 0, 0, 0, 0],
  ],
  ['SOCKS4', [[4, 1, 0, 80, 127, 0, 0, 1, 0]], []],
  ['HTTP', [[...Buffer.from('GET / HTTP/1.1\r\n\r\n')]], []],
];
for (const [what, pieces, expected] of refusals) {
  test(`${what} is refused as RFC 1928 says`, async (t) => {
    const port = await server(t, () => ({ refuse: replies.notAllowed }));
    const answer = await talk(port, pieces, Math.max(1, expected.length)).catch(() => Buffer.alloc(0));
    assert.deepEqual([...answer], expected);
  });
}

test('a route that fails, and a target that is not there, are refusals', async (t) => {
  const failing = await server(t, () => {
    throw new Error('broken');
  });
  const absent = await server(t, () => ({ host: '127.0.0.1', port: 1 }));
  const failed = await talk(failing, [greeting, toName('web.test', 80)], 12);
  const refused = await talk(absent, [greeting, toName('web.test', 80)], 12);
  assert.equal(failed[3], replies.failure);
  assert.equal(refused[3], replies.connectionRefused);
});

test('closing ends what is open', async (t) => {
  const target = await echo(t);
  const started = await startSocks5Server(() => ({ host: '127.0.0.1', port: target }));
  const talking = talk(started.port, [greeting, toName('web.test', 80)]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await started.close();
  assert.deepEqual([...(await talking)], accepted);
});
