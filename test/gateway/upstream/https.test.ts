import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import tls from 'node:tls';
import { createUpstream } from '../../../gateway/upstream/client.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { parseTarget } from '../../../gateway/upstream/target.ts';
import type { Upstream } from '../../../gateway/upstream/upstream.ts';
import { createTransport } from '../../support/transport.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { send } from './fixtures/call.ts';
import { selfSigned } from './fixtures/certificate.ts';
import { startProxy } from './fixtures/proxy.ts';
import { says, startTarget, until } from './fixtures/server.ts';

const trusted = selfSigned(['builder.test', '10.0.0.5']);
const unknown = selfSigned(['builder.test']);
tls.setDefaultCACertificates([...tls.getCACertificates('default'), trusted.cert]);

function through(t: TestContext, proxyPort: number, ...urls: readonly string[]): Upstream {
  const clock = new VirtualClock(Date.now());
  const upstream = createUpstream({
    targets: urls.map((url) => parseTarget(url)),
    transport: createTransport(`socks5://127.0.0.1:${proxyPort}`, {
      clock,
      tailnet: readTailnetPorts({}),
    }),
    timeoutMs: 10_000,
    clock,
  });
  t.after(() => upstream.close());
  return upstream;
}

for (const [url, asked] of [
  ['https://builder.test', 'builder.test:443'],
  ['https://builder.test:8443', 'builder.test:8443'],
  ['https://10.0.0.5', '10.0.0.5:443'],
] as const) {
  test(`${url} is reached through SOCKS5 with TLS inside, its certificate checked`, async (t) => {
    const hosts: (string | undefined)[] = [];
    const target = await startTarget(
      t,
      (request, response) => {
        hosts.push(request.headers.host);
        response.end('secret');
      },
      { tls: trusted },
    );
    const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: target.port }));
    const upstream = through(t, proxy.port, url);
    for (let request = 0; request < 3; request += 1) assert.equal((await send(upstream)).body, 'secret');
    assert.deepEqual(proxy.asked, [asked]);
    assert.deepEqual(new Set(hosts), new Set([url.slice('https://'.length)]));
  });
}

for (const url of ['https://builder.test', 'https://10.0.0.5']) {
  test(`the certificate of ${url} is checked for the target's name whatever Host it gets, on one connection`, async (t) => {
    const target = await startTarget(t, (request, response) => void response.end(request.headers.host), {
      tls: trusted,
    });
    const names: unknown[] = [];
    target.server.on('secureConnection', (socket: tls.TLSSocket & { servername?: unknown }) => {
      names.push(socket.servername);
    });
    const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: target.port }));
    const upstream = through(t, proxy.port, url);
    for (const host of ['a.example.com', 'b.example.com:8443'])
      assert.equal((await send(upstream, { host })).body, host);
    assert.deepEqual(names, [url === 'https://builder.test' ? 'builder.test' : false]);
  });
}

for (const [why, tlsOptions, url] of [
  ['by an authority that is not trusted', unknown, 'https://builder.test'],
  ['for another name', trusted, 'https://other.test'],
] as const) {
  test(`a certificate ${why} fails before a byte of HTTP is sent; another target may be tried`, async (t) => {
    let requests = 0;
    const target = await startTarget(t, () => requests++, { tls: tlsOptions });
    const plain = await startTarget(t, says('plain'));
    const proxy = await startProxy(t, (host) => ({
      host: '127.0.0.1',
      port: host === 'plain.test' ? plain.port : target.port,
    }));
    const { failed } = await send(through(t, proxy.port, url));
    assert.equal(failed?.code, 'upstream:tls-failed');
    await until(() => target.open() === 0, 'closing the connection');
    assert.equal((await send(through(t, proxy.port, url, 'http://plain.test'))).body, 'plain');
    assert.equal(requests, 0);
  });
}

test('a target that does not speak TLS is tls-failed, and the detail says what to do', async (t) => {
  const target = await startTarget(t, says('plain'));
  const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: target.port }));
  const { failed } = await send(through(t, proxy.port, 'https://builder.test'));
  assert.equal(failed?.code, 'upstream:tls-failed');
  assert.equal(
    failed.detail,
    'builder.test:443: it does not speak TLS; if it speaks HTTP, write its url with http://',
  );
});

test('an IPv6 literal loses its brackets for the proxy and keeps them in the Host header', async (t) => {
  const hosts: (string | undefined)[] = [];
  const target = await startTarget(t, (request, response) => {
    hosts.push(request.headers.host);
    response.end('six');
  });
  const proxy = await startProxy(t, () => ({ host: '127.0.0.1', port: target.port }));
  assert.equal((await send(through(t, proxy.port, 'http://[fd7a:115c:a1e0::5]:8080'))).body, 'six');
  assert.deepEqual(proxy.asked, ['fd7a:115c:a1e0:0:0:0:0:5:8080']);
  assert.deepEqual(hosts, ['[fd7a:115c:a1e0::5]:8080']);
});
