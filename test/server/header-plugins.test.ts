import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { loadGateway } from '../../gateway/index.ts';
import { startServer } from '../../server/listener.ts';
import { startRawTarget } from '../gateway/upstream/fixtures/raw-target.ts';
import { testPorts } from '../support/ports.ts';
import { firstAnswer, RawClient } from './raw-client.ts';

const secret = 'a secret of 26 bytes or so';
const secrets = { get: async () => Buffer.from(secret) };

const configuration = (port: number) => `
services:
  builds: { targets: [{ url: http://127.0.0.1:${port} }], transport: direct }
routes:
  signed:
    match: { path: /signed }
    service: builds
    plugins:
      webhook: { provider: github, secret: env:A }
      request-headers:
        own: [x-team]
        set: { x-team: platform, x-ref: { expression: webhook.payload.ref } }
        add: { via: 1.1 postern }
        remove: [x-hub-signature-256]
  open:
    match: { path: /open }
    service: builds
    open: true
    headersAllow: [x_other]
  moved:
    match: { path: /moved }
    answer: { status: 308, headers: { location: /open } }
    open: true
plugins:
  response-headers:
    set: { strict-transport-security: max-age=63072000, server: postern, x-status: { expression: string(answer.status) } }
    remove: [x-powered-by]
consumers:
  github: { match: "subject.id == 'github'", plugins: { response-headers: { set: { server: for-github } } } }
`;

const answers =
  'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nServer: nginx\r\nX-Powered-By: PHP\r\n\r\n' +
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Powered-By: PHP\r\nX-Status: forged\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok';

interface Seen {
  /** The lines that the target read. */
  readonly target: readonly string[];
  /** All that the client read. */
  readonly client: string;
}

/** Sends bytes through a gateway to a target, over sockets. */
async function pass(t: TestContext, lines: readonly string[], body = ''): Promise<Seen> {
  let received = '';
  const target = await startRawTarget(t, (socket, _request, text) => {
    received += text;
    socket.write(answers);
  });
  const text = configuration(target.port);
  const { gateway } = await loadGateway({ file: 'postern.yaml', text }, testPorts({ secrets }));
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0, limits: { lingerMs: 200 } });
  t.after(async () => {
    await server.close(0);
    await gateway.close();
  });
  const client = await RawClient.connect(server.address.port);
  client.send(
    `${[...lines, 'Host: a', 'Connection: close', `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`,
  );
  return { client: await client.ended(), target: received.split('\r\n') };
}

const named = (lines: readonly string[], ...names: readonly string[]) =>
  lines.filter((line) => names.includes(line.split(':')[0]?.toLowerCase() ?? ''));

function signed(payload: unknown): readonly [lines: readonly string[], body: string] {
  const body = JSON.stringify(payload);
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return [
    [
      'POST /signed HTTP/1.1',
      'X-Team: forged',
      'x-team: forged',
      'X_Team: forged',
      'Via: 1.1 sender',
      `X-Hub-Signature-256: sha256=${signature}`,
      'Content-Type: application/json',
    ],
    body,
  ];
}

test('the target gets the bytes of the headers that the gateway sets, adds and removes', async (t) => {
  const { target, client } = await pass(t, ...signed({ ref: 'refs/heads/main' }));
  assert.match(client, /HTTP\/1\.1 200 OK\r\n/);
  assert.deepEqual(named(target, 'x-team', 'x_team', 'x-ref', 'via', 'x-hub-signature-256'), [
    'Via: 1.1 sender',
    'x-team: platform',
    'x-ref: refs/heads/main',
    'via: 1.1 postern',
  ]);
  assert.equal(target.at(-1), '{"ref":"refs/heads/main"}');
  assert.deepEqual(named(client.split('\r\n'), 'server', 'x-status'), [
    'X-Status: forged',
    'server: for-github',
  ]);
});

test('what a sender writes into a payload cannot become a header of its own: the request is refused, and no byte reaches the target', async (t) => {
  const { target, client } = await pass(t, ...signed({ ref: 'a\r\nX-Admin: 1\r\n\r\nGET /admin HTTP/1.1' }));
  const { status, code, headers } = firstAnswer(client);
  assert.deepEqual([status, code], [403, 'request-headers:value']);
  assert.deepEqual(target, ['']);
  // A refusal goes through response-headers too, here through the consumer's.
  assert.deepEqual(named(headers.split('\r\n'), 'server', 'x-status'), ['server: for-github']);
});

test('on every other route too no client can send a header that the gateway owns', async (t) => {
  const spellings = ['X-Team', 'x-team', 'X_TEAM', 'x.team', 'x_other'];
  const { target } = await pass(t, ['GET /open HTTP/1.1', ...spellings.map((name) => `${name}: sent`)]);
  assert.deepEqual(
    target.filter((line) => line.endsWith(': sent')),
    ['x_other: sent'],
  );
});

test("the client gets the bytes of the headers that the gateway sets and removes, in the target's answers", async (t) => {
  const { client } = await pass(t, ['GET /open HTTP/1.1']);
  const [interim = '', final = '', body] = client.split('\r\n\r\n');
  assert.deepEqual(
    named(interim.split('\r\n'), 'link', 'server', 'x-powered-by', 'strict-transport-security'),
    ['Link: </a.css>; rel=preload'],
  );
  const names = ['server', 'x-powered-by', 'x-status', 'set-cookie', 'strict-transport-security'];
  assert.deepEqual(named(final.split('\r\n'), ...names), [
    'Set-Cookie: a=1',
    'strict-transport-security: max-age=63072000',
    'server: postern',
    'x-status: 200',
  ]);
  assert.equal(body, 'ok');
});

test('what no route takes gets none of the headers of response-headers', async (t) => {
  const { client } = await pass(t, ['GET /nothing HTTP/1.1']);
  const { status, headers } = firstAnswer(client);
  assert.equal(status, 404);
  assert.deepEqual(named(headers.split('\r\n'), 'strict-transport-security', 'server', 'x-status'), []);
});

test("the gateway's own answers get the headers too: fixed ones, and a refusal before who calls is known", async (t) => {
  for (const [path, status] of [
    ['/moved', 308],
    ['/signed', 401],
  ] as const) {
    const { client } = await pass(t, [`GET ${path} HTTP/1.1`]);
    const { headers } = firstAnswer(client);
    assert.deepEqual(named(headers.split('\r\n'), 'strict-transport-security', 'server', 'x-status'), [
      'strict-transport-security: max-age=63072000',
      'server: postern',
      `x-status: ${status}`,
    ]);
  }
});
