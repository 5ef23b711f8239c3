import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RawClient } from './raw-client.ts';

const child = fileURLToPath(new URL('memory-child.ts', import.meta.url));
const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const bodyBytes = 2 << 20;
const mebibyte = 1 << 20;

/** The bytes of a body in chunks of one byte, in parts of a good size for a socket. */
const part = Buffer.from('1\r\na\r\n'.repeat(16 * 1024));
const parts = bodyBytes / (16 * 1024);

async function measured(how: string, work: (port: number) => Promise<void>): Promise<number> {
  const gateway = fork(child, [how], {
    execArgv: ['--max-old-space-size=64', '--disable-warning=ExperimentalWarning'],
  });
  try {
    const [{ port }] = (await once(gateway, 'message')) as [{ port: number }];
    await work(port);
    gateway.send('peak');
    const [{ peak }] = (await once(gateway, 'message')) as [{ peak: number }];
    return peak;
  } finally {
    gateway.kill();
  }
}

function write(client: RawClient, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => client.socket.write(bytes, () => resolve()));
}

for (const how of ['gathered', 'forwarded']) {
  test(`a body in chunks of one byte costs about its bytes: ${how}`, async () => {
    const peak = await measured(how, async (port) => {
      const client = await RawClient.connect(port);
      client.send(head);
      for (let sent = 0; sent < parts; sent += 1) await write(client, part);
      await client.send('0\r\n\r\n').until(new RegExp(`\r\n\r\n${bodyBytes}$`), 60_000);
      client.close();
    });
    // What is counted besides: garbage of the parser, which makes an object a byte.
    assert.ok(peak < 40 * mebibyte, `${Math.round(peak / mebibyte)} MiB`);
  });
}

test('bodies in chunks of one byte that the target does not read cost a stream each, and no object a byte', async () => {
  const peak = await measured('forwarded to a slow target', async (port) => {
    const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(port)));
    for (const client of clients) client.send(head).send(part).send(part);
    await delay(1_000);
    for (const client of clients) client.close();
  });
  assert.ok(peak < 40 * mebibyte, `${Math.round(peak / mebibyte)} MiB`);
});
