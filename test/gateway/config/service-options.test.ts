import assert from 'node:assert/strict';
import test from 'node:test';
import { loadGateway } from '../../../gateway/config/load.ts';
import { request, send } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';
import { startRawTarget } from '../upstream/fixtures/raw-target.ts';

for (const [options, seen, location, cookie] of [
  [
    '',
    (port: number) => `127.0.0.1:${port}`,
    (port: number) => `http://127.0.0.1:${port}/base/a`,
    'a=1; Domain=127.0.0.1',
  ],
  [
    'host: client',
    () => 'hooks.example.com:8443',
    (port: number) => `http://127.0.0.1:${port}/base/a`,
    'a=1; Domain=127.0.0.1',
  ],
  [
    'rewriteLocation: true',
    (port: number) => `127.0.0.1:${port}`,
    () => 'https://hooks.example.com:8443/hooks/a',
    'a=1',
  ],
  [
    'host: client, rewriteLocation: true',
    () => 'hooks.example.com:8443',
    () => 'https://hooks.example.com:8443/hooks/a',
    'a=1',
  ],
] as const) {
  test(`private names and the host, with ${options || 'the defaults'}`, async (t) => {
    let got = '';
    const target = await startRawTarget(t, (socket, _, text) => {
      got = text;
      const headers = `location: http://127.0.0.1:${target.port}/base/a\r\nset-cookie: a=1; Domain=127.0.0.1\r\n`;
      socket.write(`HTTP/1.1 103 E\r\n${headers}\r\nHTTP/1.1 302 F\r\n${headers}content-length: 0\r\n\r\n`);
    });
    const text = `
services:
  a: { targets: [{ url: 'http://127.0.0.1:${target.port}/base' }], transport: direct${options && `, ${options}`} }
routes:
  r: { match: { path: /hooks/* }, service: a, targetPath: strip, open: true }
`;
    const { gateway } = await loadGateway(
      { file: 'postern.yaml', text },
      testPorts({ secrets: { get: async () => new Uint8Array() } }),
    );
    t.after(() => gateway.close());
    const interim: string[] = [];
    const answer = await send(
      gateway,
      request({ target: '/hooks/x', headers: ['host', 'Hooks.Example.com:8443'] }),
      (_status, headers) => interim.push(...headers),
    );
    assert.match(got, /^POST \/base\/x /);
    assert.match(got, new RegExp(`\r\nhost: ${seen(target.port)}\r\n`));
    assert.match(got, /\r\nx-forwarded-host: hooks.example.com:8443\r\n/);
    for (const headers of [answer.headers, interim]) {
      assert.equal(headers[headers.indexOf('location') + 1], location(target.port));
      assert.equal(headers[headers.indexOf('set-cookie') + 1], cookie);
    }
  });
}
