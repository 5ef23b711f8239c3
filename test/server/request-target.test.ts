import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { loadGateway } from '../../gateway/index.ts';
import { startServer } from '../../server/listener.ts';
import { testPorts } from '../support/ports.ts';
import { RawClient } from './raw-client.ts';

/** A gateway in front of a target that answers with the request line and headers that it got. */
async function open(t: TestContext): Promise<(head: string) => Promise<string>> {
  const target = createServer((request, response) => {
    response.end(JSON.stringify([request.method, request.url, request.rawHeaders]));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  t.after(() => target.close());
  const { port } = target.address() as AddressInfo;
  const { gateway } = await loadGateway(
    {
      file: 'test.json',
      text: JSON.stringify({
        services: { local: { targets: [{ url: `http://127.0.0.1:${port}` }], transport: 'direct' } },
        routes: {
          a: { match: { path: '/x/*', hosts: ['hooks.example.com'] }, service: 'local', open: true },
          keep: { match: { path: '/keep/*' }, service: 'local', open: true, pathEncoding: 'keep' },
        },
      }),
    },
    testPorts(),
  );
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits: { lingerMs: 200 } });
  t.after(async () => {
    await server.close(0);
    await gateway.close();
  });
  return async function ask(head) {
    const client = await RawClient.connect(server.address.port);
    client.send(`${head}\r\nConnection: close\r\n\r\n`);
    return client.ended();
  };
}

test('a request in absolute-form goes to its own route, in origin-form, with the host and port that it named', async (t) => {
  const ask = await open(t);
  const answer = await ask(
    'GET http://Hooks.example.com:8443/x/%40a?b HTTP/1.1\r\nHost: hooks.example.com.:08443',
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /\["GET","\/x\/@a\?b",/);
  assert.match(answer, /"x-forwarded-host","hooks\.example\.com:8443"/);
  assert.match(answer, /"forwarded","for=127\.0\.0\.1;host=\\"hooks\.example\.com:8443\\";proto=http"/);
});

const refused: readonly (readonly [head: string, code: string])[] = [
  ['GET http://other.example/x/a HTTP/1.1\r\nHost: hooks.example.com', 'gateway:host-mismatch'],
  ['GET https://hooks.example.com/x/a HTTP/1.1\r\nHost: hooks.example.com', 'gateway:wrong-scheme'],
  ['GET http://u:p@hooks.example.com/x/a HTTP/1.1\r\nHost: hooks.example.com', 'gateway:bad-host'],
  ['OPTIONS * HTTP/1.1\r\nHost: hooks.example.com', 'path:not-origin-form'],
  ['GET /x/a HTTP/1.1\r\nHost: hooks.example.com..', 'gateway:bad-host'],
  ['GET /x/%252e%252e/y HTTP/1.1\r\nHost: hooks.example.com', 'path:dot-segment'],
  ['GET /x/a HTTP/1.1\r\nHost: hooks.example.com\r\nConnection: x-a', 'gateway:bad-connection'],
];
for (const [head, code] of refused) {
  test(`over a socket ${JSON.stringify(head)} is refused as ${code}`, async (t) => {
    const ask = await open(t);
    const answer = await ask(head);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, new RegExp(`"code":"${code}"`));
  });
}

test("with pathEncoding: keep the bytes of the client's path reach the target", async (t) => {
  const ask = await open(t);
  assert.match(await ask('GET /%6beep/a%3ab%c3%bc HTTP/1.1\r\nHost: a'), /\["GET","\/%6beep\/a%3ab%c3%bc",/);
});

test('a second spelling of a name, and names that only proxies may say, do not reach the target', async (t) => {
  const ask = await open(t);
  const forged = [
    'webhook_id',
    'X.Forwarded.For',
    'X-Forwarded',
    'Client-Cert',
    'CF-Connecting-IP',
    'X-Remote-User',
  ];
  forged.push('Tailscale-User-Login', 'X-HTTP-Method-Override', 'Proxy');
  const lines = forged.map((name) => `\r\n${name}: forged`).join('');
  const answer = await ask(`GET /x/a HTTP/1.1\r\nHost: hooks.example.com\r\nwebhook-id: msg_1${lines}`);
  assert.match(answer, /"webhook-id","msg_1"/);
  assert.doesNotMatch(answer, /forged/);
});
