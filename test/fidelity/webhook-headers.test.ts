import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { after, before } from 'node:test';
import { createSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import { createForwarder } from '../../functions/forwarder/forwarder.ts';
import { type Gateway, loadGateway } from '../../gateway/index.ts';
import { type RunningServer, startServer } from '../../server/listener.ts';
import { contextWith, httpApiEvent } from '../functions/events.ts';
import { firstAnswer, RawClient } from '../server/raw-client.ts';
import { testPorts } from '../support/ports.ts';
import { silent } from './gateway.ts';

// What both hosts make of the headers of webhooks: the listener gets lines, and a function what API Gateway joined by commas.

const secret = 'a secret of 26 bytes or so';
const body = '{"type":"made"}';
const hex = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
const nowSeconds = () => String(Math.floor(Date.now() / 1000));

const target = createServer((incoming, response) => {
  incoming.resume().on('end', () => response.end('taken'));
});
let gateway: Gateway;
let server: RunningServer;

before(async () => {
  await new Promise<void>((listening) => target.listen(0, '127.0.0.1', listening));
  const { port } = target.address() as AddressInfo;
  const hmac = {
    provider: 'hmac',
    secret: 'env:SECRET',
    header: 'x-sig',
    signed: '{id}:{timestamp}:{body}',
    idHeader: 'x-id',
    timestampHeader: 'x-time',
    eventHeader: 'x-event',
  };
  const github = { provider: 'github', secret: 'env:SECRET' };
  const route = (path: string, webhook: object) => ({ match: { path }, service: 'a', plugins: { webhook } });
  const configuration = {
    services: { a: { targets: [{ url: `http://127.0.0.1:${port}` }], transport: 'direct', timeout: '60s' } },
    routes: { github: route('/github', github), hmac: route('/hmac', hmac) },
  };
  ({ gateway } = await loadGateway(
    { file: 'postern.json', text: JSON.stringify(configuration) },
    testPorts({ secrets: createSecrets({ SECRET: secret }) }),
  ));
  server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits: { lingerMs: 50 } });
});

after(async () => {
  await server.close(0);
  await gateway.close();
  target.close();
});

type Lines = readonly (readonly [name: string, value: string])[];
interface Result {
  readonly status: number;
  readonly code: string | undefined;
}

async function overListener(path: string, lines: Lines): Promise<Result> {
  const client = await RawClient.connect(server.address.port);
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  client.send(
    `POST ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${body.length}\r\n${head}\r\n${body}`,
  );
  const { status, code } = firstAnswer(await client.ended());
  return { status, code };
}

async function overFunction(path: string, lines: Lines): Promise<Result> {
  const headers: Record<string, string> = { host: 'h', 'content-length': String(body.length) };
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]},${value}`;
  }
  const event = httpApiEvent({ method: 'POST', rawPath: path, headers, body, isBase64Encoded: false });
  const forwarder = createForwarder({ gateway: async () => gateway, clock: systemClock, log: silent });
  const answer = await forwarder(event, contextWith(30_000));
  const text = Buffer.from(answer.body, 'base64').toString();
  return {
    status: answer.statusCode,
    code: answer.statusCode === 200 ? undefined : JSON.parse(text).code,
  };
}

function signedLines(path: '/github' | '/hmac'): Lines {
  if (path === '/github')
    return [
      ['X-Hub-Signature-256', `sha256=${hex(body)}`],
      ['X-GitHub-Delivery', '72d3162e-cc78-11e3-81ab-4c9367dc0958'],
      ['X-GitHub-Event', 'push'],
    ];
  const time = nowSeconds();
  return [
    ['X-Sig', hex(`msg_1:${time}:${body}`)],
    ['X-Id', 'msg_1'],
    ['X-Time', time],
    ['X-Event', 'Push Hook'],
  ];
}

for (const path of ['/github', '/hmac'] as const) {
  for (const [host, send] of [
    ['the listener', overListener],
    ['a function', overFunction],
  ] as const) {
    test(`a signed webhook is taken by ${host}: ${path}`, async () => {
      assert.deepEqual(await send(path, signedLines(path)), { status: 200, code: undefined });
    });

    for (const name of signedLines(path).map(([header]) => header)) {
      const several = name === 'X-Sig';
      test(`${name} twice is ${several ? 'two signatures' : 'one value more than the provider sends'} to ${host}`, async () => {
        const lines = signedLines(path);
        const [, value] = lines.find(([header]) => header === name) as Lines[number];
        const other = several ? '0'.repeat(64) : 'other';
        const taken = { status: 200, code: undefined };
        const refused = { status: 400, code: 'webhook:malformed' };
        for (const doubled of [
          [...lines, [name.toLowerCase(), value]],
          [[name, other], ...lines],
          [...lines, [name, other]],
          lines.map(([header, own]) => [header, header === name ? `${own},${own}` : own]),
        ] as Lines[])
          assert.deepEqual(await send(path, doubled), several ? taken : refused, JSON.stringify(doubled));
        const nine = [...lines, ...Array<Lines[number]>(8).fill([name, value])];
        assert.deepEqual(await send(path, nine), refused);
      });
    }
  }
}

const heldBack: readonly (readonly [
  what: string,
  path: string,
  lines: () => Lines,
  status: number,
  code: string,
])[] = [
  ['no signature', '/github', () => [], 401, 'gateway:unauthenticated'],
  [
    'a signature of another form',
    '/github',
    () => [['X-Hub-Signature-256', 'sha256=1']],
    400,
    'webhook:malformed',
  ],
  [
    'no time',
    '/hmac',
    () => signedLines('/hmac').filter(([name]) => name !== 'X-Time'),
    400,
    'webhook:malformed',
  ],
  [
    'an old time',
    '/hmac',
    () => [...signedLines('/hmac').filter(([name]) => name !== 'X-Time'), ['X-Time', '1000000000']],
    401,
    'webhook:timestamp',
  ],
];

for (const [what, path, lines, status, code] of heldBack) {
  for (const [framing, extra, start] of [
    ['a declared body that never comes', 'Content-Length: 9900000\r\n', ''],
    ['a declared body without its last byte', 'Content-Length: 9900\r\n', 'x'.repeat(9_899)],
    ['a chunked body that never ends', 'Transfer-Encoding: chunked\r\n', '1\r\na\r\n'],
    ['a body that waits to be asked for', 'Content-Length: 9900000\r\nExpect: 100-continue\r\n', ''],
  ] as const) {
    test(`a head that decides is answered before the body is there: ${what}, ${framing}`, async () => {
      const client = await RawClient.connect(server.address.port);
      const head = lines()
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('');
      client.send(`POST ${path} HTTP/1.1\r\nHost: h\r\n${extra}${head}\r\n${start}`);
      const answer = firstAnswer(await client.until(/\}\n$/));
      client.close();
      assert.deepEqual({ status: answer.status, code: answer.code }, { status, code });
    });
  }
}
