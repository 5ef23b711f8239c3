import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import { joinShortWrites } from '../../../gateway/upstream/joined-writes.ts';

/** Writes through a joined socket and gives the bytes that arrived at the other end. */
async function arrived(write: (socket: Socket) => void): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const received = once(server, 'connection').then(([peer]) => buffer(peer as Socket));
  const socket = joinShortWrites(connect((server.address() as { port: number }).port, '127.0.0.1'));
  await once(socket, 'connect');
  write(socket);
  socket.end();
  const bytes = await received;
  server.close();
  return bytes;
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

test('a head and a body with every byte arrive as they are, in one piece or in many', async () => {
  for (const size of [1, 256, 4_096, 12_287, 12_288, 12_289, 100_000]) {
    const body = Buffer.alloc(size, everyByte);
    const bytes = await arrived((socket) => {
      socket.cork();
      socket.write('head: \u00e9\r\n\r\n', 'latin1');
      socket.write(body);
      socket.uncork();
    });
    assert.deepEqual(
      bytes,
      Buffer.concat([Buffer.from('head: \u00e9\r\n\r\n', 'latin1'), body]),
      `${size} bytes`,
    );
  }
});

test('text in another encoding is left to the socket', async () => {
  const bytes = await arrived((socket) => {
    socket.cork();
    socket.write('\u20ac', 'utf8');
    socket.write(everyByte);
    socket.uncork();
  });
  assert.deepEqual(bytes, Buffer.concat([Buffer.from('\u20ac'), everyByte]));
});
