import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { Hooks } from '../../gateway/plugin/plugin.ts';
import { createUpstream } from '../../gateway/upstream/client.ts';
import { parseTarget } from '../../gateway/upstream/target.ts';
import type { Upstream } from '../../gateway/upstream/upstream.ts';
import { startServer } from '../../server/listener.ts';
import { gatewayWith, instance, upstreamOf } from '../support/gateway.ts';
import { quiet } from '../support/quiet.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const deadlineMs = 5_000;
const goOn = { kind: 'next' } as const;
const never = new Promise<never>(() => {});

const hooks = {
  none: {},
  'the whole body': { body: { kind: 'all', limitBytes: 1024 }, access: () => goOn },
  'the whole body, and then for itself': { body: { kind: 'all', limitBytes: 1024 }, access: () => never },
} satisfies Record<string, Hooks>;

const targets = {
  'reads and is silent': upstreamOf((_, body) => body instanceof Readable && void body.resume(), deadlineMs),
  'reads nothing': upstreamOf(() => {}, deadlineMs),
  'reads some and then has no room': upstreamOf((_, body) => {
    (body as Readable).once('data', () => (body as Readable).pause());
  }, deadlineMs),
} satisfies Record<string, Upstream>;

type Sent = 'nothing' | 'half' | 'all';
const rows: readonly (readonly [
  plugin: keyof typeof hooks,
  target: keyof typeof targets,
  sent: Sent,
  status: number,
  code: string,
])[] = [
  ['the whole body', 'reads and is silent', 'nothing', 408, 'gateway:body-timeout'],
  ['the whole body', 'reads and is silent', 'half', 408, 'gateway:body-timeout'],
  ['the whole body', 'reads and is silent', 'all', 504, 'upstream:timeout'],
  ['the whole body, and then for itself', 'reads and is silent', 'all', 504, 'upstream:timeout'],
  ['none', 'reads and is silent', 'nothing', 408, 'gateway:body-timeout'],
  ['none', 'reads and is silent', 'half', 408, 'gateway:body-timeout'],
  ['none', 'reads and is silent', 'all', 504, 'upstream:timeout'],
  ['none', 'reads nothing', 'half', 504, 'upstream:timeout'],
  ['none', 'reads some and then has no room', 'half', 504, 'upstream:timeout'],
];

for (const [plugin, target, sent, status, code] of rows) {
  for (const framing of ['content-length', 'chunked'] as const) {
    test(`plugins want ${plugin}, the target ${target}, the client sent ${sent} (${framing}): ${status} ${code}`, async (t) => {
      const gateway = gatewayWith({
        instances: [instance('given', 1, hooks[plugin])],
        upstream: targets[target],
      });
      const server = await startServer(gateway, { host: '127.0.0.1', port: 0 });
      const client = await RawClient.connect(server.address.port);
      t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() });
      t.after(async () => {
        client.close();
        await server.close(0);
      });
      client.send(`POST / HTTP/1.1\r\nHost: a\r\n${bytes(framing, sent)}`);
      await quiet();
      t.mock.timers.tick(deadlineMs - 1);
      await quiet();
      assert.equal(client.received, '');
      t.mock.timers.tick(1);
      t.mock.timers.reset();
      const answer = firstAnswer(await client.until(/\r\n\r\n\{.*\}/s));
      assert.deepEqual([answer.status, answer.code], [status, code]);
    });
  }
}

for (const framing of ['content-length', 'chunked'] as const) {
  test(`a real target that has read all that came is not called slow: the client is (${framing})`, async (t) => {
    const target = createServer((request) => request.resume());
    await once(target.listen(0, '127.0.0.1'), 'listening');
    const { port } = target.address() as AddressInfo;
    const upstream = createUpstream({
      targets: [parseTarget(`http://127.0.0.1:${port}`)],
      transport: {
        async connect() {
          const socket = connect({ host: '127.0.0.1', port });
          await once(socket, 'connect');
          return socket;
        },
        ready: () => ({ ready: true, epoch: 0 }),
        close: async () => {},
      },
      timeoutMs: deadlineMs,
    });
    const server = await startServer(gatewayWith({ upstream }), { host: '127.0.0.1', port: 0 });
    const client = await RawClient.connect(server.address.port);
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: Date.now() });
    const part = 'a'.repeat(1_000);
    const piece = framing === 'chunked' ? `3e8\r\n${part}\r\n` : part;
    const length = framing === 'chunked' ? 'Transfer-Encoding: chunked' : 'Content-Length: 9000000';
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n${piece.repeat(3_000)}`);
    t.after(async () => {
      client.close();
      await server.close(0);
      await upstream.close();
      target.closeAllConnections();
      target.close();
    });
    // Slowly, but on and on: nobody could call it stalled.
    for (let passedMs = 0; passedMs < deadlineMs; passedMs += 20) {
      client.send(piece);
      await quiet();
      t.mock.timers.tick(20);
    }
    t.mock.timers.reset();
    const answer = firstAnswer(await client.until(/\r\n\r\n\{.*\}/s));
    assert.deepEqual([answer.status, answer.code], [408, 'gateway:body-timeout']);
  });
}

function bytes(framing: 'content-length' | 'chunked', sent: Sent): string {
  const parts = { nothing: [], half: ['12345'], all: ['12345', '67890'] }[sent];
  if (framing === 'content-length') return `Content-Length: 10\r\n\r\n${parts.join('')}`;
  const chunks = parts.map((part) => `5\r\n${part}\r\n`).join('');
  return `Transfer-Encoding: chunked\r\n\r\n${chunks}${sent === 'all' ? '0\r\n\r\n' : ''}`;
}
