import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { pattern, sha256 } from './lab/echo.ts';
import { call, type HttpAnswer } from './lab/http.ts';
import type { HttpApi } from './lab/http-api.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { clientAddresses, enterHub } from './lab/network.ts';
import type { Sandbox } from './lab/sandbox.ts';

const skip = (await enterHub()) ?? false;

const secret = "It's a Secret to Everybody";
const [inRange, outOfRange, inRange6] = clientAddresses;

function sign(body: string | Uint8Array): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

describe('the whole path', { skip }, () => {
  let lab: Lab;
  let forwarder: Sandbox;
  let authorizer: Sandbox;
  let api: HttpApi;

  before(async () => {
    lab = await startLab();
    await lab.storeKey();
    const webhook = { provider: 'github', secret: 'env:GITHUB_SECRET' };
    const config = {
      services: {
        builds: {
          targets: [{ url: `http://${lab.target.name}:8080` }],
          transport: 'tailnet',
          timeout: '10s',
        },
      },
      routes: {
        github: {
          match: { path: '/hooks/github', methods: ['POST'] },
          service: 'builds',
          plugins: { webhook, authorize: { allow: "webhook.event in ['push', 'ping']" } },
        },
        all: { match: { path: '/open/*' }, service: 'builds', targetPath: 'strip', open: true },
      },
    };
    forwarder = await lab.forwarder({ config, env: { GITHUB_SECRET: secret } });
    authorizer = await lab.authorizer({ env: { AUTHD_SOURCE_CIDR: '192.0.2.0/24, 2001:db8::/32' } });
    api = await lab.api([
      {
        key: 'ANY /{proxy+}',
        invoke: forwarder.invoke,
        authorizer: {
          invoke: authorizer.invoke,
          identitySource: ['$context.identity.sourceIp'],
          ttlSeconds: 60,
        },
      },
    ]);
  });
  after(() => lab?.stop());

  function send(
    path: string,
    body: string | Uint8Array,
    headers = {},
    from: string = inRange,
  ): Promise<HttpAnswer> {
    const host = from.includes(':') ? `[${from}]` : '127.0.0.1';
    const url = `http://${host}:${api.port}${path}`;
    return call(url, { method: 'POST', headers: { host: 'hooks.example.com', ...headers }, body, from });
  }

  function github(body: string, signature = sign(body), event = 'push'): Record<string, string> {
    return {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-hub-signature-256': signature,
    };
  }

  function problem(answer: HttpAnswer): {
    readonly status: number;
    readonly code: string;
    readonly id: string;
  } {
    assert.equal(answer.headers['content-type'], 'application/problem+json', answer.body.toString());
    return JSON.parse(answer.body.toString());
  }

  test('carries a signed webhook from its sender to the private target, byte by byte, and the answer back', async () => {
    const body = '{"ref":"refs/heads/main","text":"größe"}';
    const answer = await send('/hooks/github?b=2&a=1', body, github(body));
    assert.equal(answer.status, 200, answer.body.toString());
    const seen = lab.target.echo.take();
    assert.deepEqual(JSON.parse(answer.body.toString()), {
      method: 'POST',
      target: '/hooks/github?b=2&a=1',
      bodyBytes: Buffer.byteLength(body),
      bodySha256: sha256(Buffer.from(body)),
    });
    assert.equal(seen.body?.toString(), body);
    assert.ok(answer.headers['x-request-id'], 'it is not named');
  });

  test('refuses a forged webhook, and the target hears nothing of it', async () => {
    const body = '{"ref":"refs/heads/main"}';
    const answer = await send('/hooks/github', body, github(`${body} `, sign(`${body} `)));
    assert.equal(answer.status, 401);
    assert.equal(problem(answer).code, 'webhook:signature');
    assert.equal(lab.target.echo.received.length, 0);
  });

  test('refuses a webhook without a signature, and one of an event that policy does not allow', async () => {
    const unsigned = await send('/hooks/github', '{}', { 'content-type': 'application/json' });
    assert.deepEqual([unsigned.status, problem(unsigned).code], [401, 'gateway:unauthenticated']);
    const denied = await send('/hooks/github', '{}', github('{}', sign('{}'), 'star'));
    assert.deepEqual([denied.status, problem(denied).code], [403, 'authorize:denied']);
    assert.equal(lab.target.echo.received.length, 0);
  });

  test('stops a source outside the ranges at the authorizer, before the forwarder is asked', async () => {
    const before = forwarder.log.lines.filter((line) => line.text.startsWith('START')).length;
    const answer = await send('/hooks/github', '{}', github('{}'), outOfRange);
    assert.deepEqual([answer.status, answer.body.toString()], [403, '{"message":"Forbidden"}']);
    assert.equal(forwarder.log.lines.filter((line) => line.text.startsWith('START')).length, before);
    const refused = authorizer.log.json.find((line) => line.event === 'refused');
    assert.deepEqual([refused?.code, refused?.source], ['authorizer:source', outOfRange]);
  });

  test('admits an IPv6 source inside the ranges', async () => {
    const answer = await send('/hooks/github', '{}', github('{}'), inRange6);
    assert.equal(answer.status, 200, answer.body.toString());
    lab.target.echo.take();
  });

  test('uses one connection again for requests that follow one another', async () => {
    for (let count = 0; count < 5; count += 1) await send('/open/again', '');
    const connections = new Set(lab.target.echo.received.map((one) => one.connection));
    lab.target.echo.take();
    assert.equal(connections.size, 1);
  });

  test('carries 4 MB up and 4 MB down unchanged', async () => {
    const bytes = 4 * 1024 * 1024;
    const answer = await send(`/open/up?size=${bytes}&binary&type=application/octet-stream`, pattern(bytes));
    assert.equal(answer.status, 200, answer.body.toString('utf8', 0, 300));
    assert.equal(sha256(answer.body), sha256(pattern(bytes)));
    const seen = lab.target.echo.take();
    assert.deepEqual([seen.bodyBytes, seen.bodySha256], [bytes, sha256(pattern(bytes))]);
  });

  test('says so when an answer is larger than Lambda can carry', async () => {
    const answer = await send('/open/big?size=6000000', '');
    assert.deepEqual([answer.status, problem(answer).code], [502, 'upstream:answer-too-large']);
    lab.target.echo.take();
  });

  test('logs each request with its verdicts and no secret', async () => {
    await send('/hooks/github', '{"a":1}', github('{"a":1}'));
    const record = forwarder.log.json.findLast((line) => line.event === 'request');
    assert.equal(record?.status, 200);
    assert.ok(!forwarder.log.text.includes(secret), 'the secret of the webhook is in the log');
  });
});
