import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { after, before } from 'node:test';
import { uncheckedSecrets } from '../../../adapters/secrets/unchecked.ts';
import { systemClock } from '../../../base/clock.ts';
import { InvalidConfiguration, loadGateway } from '../../../gateway/index.ts';
import { createAccessLog } from '../../../gateway/observe/access-log.ts';
import type { FinishedRequest } from '../../../gateway/observe/finished-request.ts';
import type { IncomingRequest } from '../../../gateway/request/request.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { gatewayWith, instance, noLog, request, send } from '../../support/gateway.ts';

let seen: string | undefined;
const target = createServer((incoming, outgoing) => {
  seen = incoming.url;
  outgoing.end();
});
before(() => new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve)));
after(() => target.close());

/** What the gateway does with a request: the path that policy sees and the one that the target gets, or the code. */
async function decide(route: object, asked: Partial<IncomingRequest>): Promise<string> {
  const { port } = target.address() as AddressInfo;
  let path: string | undefined;
  let code: string | undefined;
  const { gateway } = await loadGateway(
    {
      file: 'test.json',
      text: JSON.stringify({
        services: { local: { targets: [{ url: `http://127.0.0.1:${port}` }], transport: 'direct' } },
        routes: { a: { service: 'local', open: true, match: { path: '/x/*' }, ...route } },
      }),
    },
    {
      clock: systemClock,
      log: noLog,
      secrets: uncheckedSecrets({}),
      tailnet: readTailnetPorts({}),
      finished: ({ exchange, reply }) => {
        path = exchange?.head.path;
        code = reply?.code;
      },
    },
  );
  seen = undefined;
  await send(gateway, request(asked));
  await gateway.close();
  if (code !== undefined) assert.equal(seen, undefined, 'the target got a request that was refused');
  return code ?? `${path} ${seen}`;
}

const anyPath = { match: { path: '/*' } };
const all = ['%2F', '%25', ';', '//', '.'];
const paths: readonly (readonly [what: string, route: object, target: string, decided: string])[] = [
  ['a needless encoding is decoded', {}, '/x/items%3Apurge', '/x/items:purge /x/items:purge'],
  [
    "keep forwards the client's encoding",
    { pathEncoding: 'keep' },
    '/%78/%3Ap?a=%41',
    '/x/:p /%78/%3Ap?a=%41',
  ],
  ['strip with keep', { pathEncoding: 'keep', targetPath: 'strip' }, '/%78/%3Ap%2b', '/x/:p+ /%3Ap%2b'],
  ['strip', { targetPath: 'strip' }, '/x/', '/x/ /'],
  [
    'strip gives no authority',
    { targetPath: 'strip', pathAllows: all },
    '/x//evil.example/a',
    'path:empty-segment',
  ],
  [
    'strip gives no encoded one',
    { targetPath: 'strip', pathAllows: all },
    '/x/%2Fevil.example',
    'path:empty-segment',
  ],
  [
    'nor a doubly encoded one',
    { targetPath: 'strip', pathAllows: all },
    '/x/%252Fevil.example',
    'path:empty-segment',
  ],
  [
    'nor one in encodings inside each other',
    { targetPath: 'strip', pathAllows: all },
    '/x/%25%2532Fevil.example',
    'path:empty-segment',
  ],
  [
    'nor one behind a parameter',
    { targetPath: 'strip', pathAllows: all },
    '/x/;a/evil.example',
    'path:empty-segment',
  ],
  [
    'nor one in fullwidth characters',
    { targetPath: 'strip', pathAllows: all },
    '/x/%EF%BC%8Fevil.example',
    'path:empty-segment',
  ],
  ['keep gives no authority', { ...anyPath, pathAllows: all }, '//evil.example/a', 'path:empty-segment'],
  [
    'nor in its own encoding',
    { ...anyPath, pathAllows: all, pathEncoding: 'keep' },
    '/%2fevil.example/a',
    'path:empty-segment',
  ],
  ['an empty segment elsewhere', { targetPath: 'strip', pathAllows: ['//'] }, '/x/a//b', '/x/a//b /a//b'],
  ['a fixed path', { targetPath: '/y', pathAllows: ['//'] }, '/x//b?c', '/x//b /y?c'],
  ['a base path is taken off', { stripBasePath: '/base' }, '/base/x/a', '/x/a /x/a'],
  ['and must be there', { stripBasePath: '/base' }, '/x/a', 'gateway:no-route'],
  ['whole', { stripBasePath: '/base' }, '/basex/x/a', 'gateway:no-route'],
  ['before a prefix is', { stripBasePath: '/base', targetPath: 'strip' }, '/base/x/a', '/x/a /a'],
  ['also in an encoding', { stripBasePath: '/base', pathEncoding: 'keep' }, '/b%61se/x/%41', '/x/A /x/%41'],
  [
    'and leaves no authority',
    { ...anyPath, stripBasePath: '/base', pathAllows: all },
    '/base//evil.example',
    'path:empty-segment',
  ],
];
for (const [what, route, target, decided] of paths) {
  test(`the path that was decided on is the one that is forwarded: ${what} (${target})`, async () =>
    assert.equal(await decide(route, { target }), decided));
}

test('a method in lower case, which a target may fold, is not decided on', async () => {
  for (const method of ['delete', 'Delete', 'dELETE', 'trace', '', 'GET ', '_GET', 'G3T'])
    assert.equal(await decide({}, { target: '/x/', method }), 'gateway:bad-method', method);
  for (const method of ['DELETE', 'M-SEARCH', 'PURGE'])
    assert.equal(await decide({}, { target: '/x/', method }), '/x/ /x/', method);
});

test('a route can be matched only in the one form of a host', async () => {
  const route = { match: { path: '/x/*', hosts: ['hooks.example.com', '[2001:db8::1]'] } };
  for (const host of ['hooks.example.com', 'HOOKS.example.com.:443', '[2001:DB8:0::1]:80'])
    assert.equal(await decide(route, { target: '/x/', headers: ['Host', host] }), '/x/ /x/', host);
  for (const host of ['a..', '127.1', 'hooks.example.com..'])
    assert.equal(await decide(route, { target: '/x/', headers: ['Host', host] }), 'gateway:bad-host', host);
  await assert.rejects(decide({ match: { path: '/x', hosts: ['a.'] } }, {}), InvalidConfiguration);
});

const forms: readonly (readonly [target: string, headers: readonly string[], decided: string])[] = [
  ['http://hooks.example.com/x/a?b', ['Host', 'hooks.example.com'], '/x/a /x/a?b'],
  ['HTTP://Hooks.Example.Com:80/x/a', ['Host', 'hooks.example.com'], '/x/a /x/a'],
  ['http://hooks.example.com?b', ['Host', 'hooks.example.com'], 'gateway:no-route'],
  ['http://other.example/x/a', ['Host', 'hooks.example.com'], 'gateway:host-mismatch'],
  ['http://hooks.example.com:8080/x/a', ['Host', 'hooks.example.com'], 'gateway:host-mismatch'],
  ['http://user@hooks.example.com/x/a', ['Host', 'hooks.example.com'], 'gateway:bad-host'],
  ['http:///x/a', ['Host', 'hooks.example.com'], 'gateway:bad-host'],
  ['http://hooks.example.com/x/a', [], 'gateway:bad-host'],
  ['https://hooks.example.com/x/a', ['Host', 'hooks.example.com'], 'gateway:wrong-scheme'],
  ['ftp://hooks.example.com/x/a', ['Host', 'hooks.example.com'], 'gateway:wrong-scheme'],
  ['http:/x/a', ['Host', 'hooks.example.com'], 'path:not-origin-form'],
  ['http://hooks.example.com/x/../a', ['Host', 'hooks.example.com'], 'path:dot-segment'],
  ['http://hooks.example.com\\@other.example/x/a', ['Host', 'hooks.example.com'], 'gateway:bad-host'],
  ['*', ['Host', 'hooks.example.com'], 'path:not-origin-form'],
];
for (const [target, headers, decided] of forms) {
  test(`a target in absolute-form names the host that counts: ${target} with ${headers.join(': ')}`, async () =>
    assert.equal(await decide({}, { target, headers, scheme: 'http', absoluteForm: true }), decided));
}

test('where there is no absolute-form, as on Lambda, it is refused', async () =>
  assert.equal(await decide({}, { target: 'https://hooks.example.com/x/' }), 'path:not-origin-form'));

test('all who decide see one form of an address and the headers that are forwarded, and the log counts what was dropped', async () => {
  const seen: string[] = [];
  const lines: string[] = [];
  const log = createAccessLog((line) => lines.push(line));
  const gateway = gatewayWith({
    instances: [
      instance('look', 1, {
        access(exchange) {
          seen.push(exchange.head.clientIp, String(exchange.header('webhook_id')), exchange.head.authority);
          return { kind: 'next' };
        },
      }),
    ],
    finished: (record: FinishedRequest) => log(record),
  });
  const headers = ['Host', 'Hooks.example.com:8443', 'webhook-id', 'msg_1', 'webhook_id', '1'];
  await send(gateway, request({ clientIp: '::ffff:a00:1', headers }));
  assert.deepEqual(seen, ['10.0.0.1', 'undefined', 'hooks.example.com:8443']);
  const line = JSON.parse(lines[0] ?? '');
  assert.deepEqual([line.source, line.droppedHeaders, line.host], ['10.0.0.1', 1, 'hooks.example.com']);
  await send(gateway, request({ clientIp: '::ffff:a00:1', headers: ['Host', 'a..'] }));
  assert.equal(JSON.parse(lines[1] ?? '').source, '10.0.0.1');
  const nominated = await send(
    gateway,
    request({ headers: [...headers, 'Connection', 'close, webhook-id'] }),
  );
  assert.equal(JSON.parse(nominated.body).code, 'gateway:bad-connection');
});
