import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './lab/http.ts';
import type { HttpApiOptions } from './lab/http-api.ts';
import type { Authorizer } from './lab/http-api-authorizer.ts';
import type { HttpApiEvent } from './lab/http-api-event.ts';
import { echo, start, statusAndText } from './lab/http-api-harness.ts';
import { accessLogger } from './lab/http-api-log.ts';
import { proofOf } from './lab/http-api-proof.ts';
import { inProcess } from './lab/in-process.ts';

type Options = Partial<Omit<Authorizer, 'invoke'>> & Omit<HttpApiOptions, 'routes'>;

/** An API with two routes behind one authorizer, which answers with what `decide` gives for an event. */
async function startWith(decide: (event: HttpApiEvent) => unknown, options: Options = {}) {
  const { identitySource = [], ttlSeconds = 0, ...rest } = options;
  const asked: (HttpApiEvent & { readonly type: string; readonly routeArn: string })[] = [];
  const invoke = inProcess(async (event: (typeof asked)[number]) => {
    asked.push(event);
    return decide(event);
  });
  const authorizer = { invoke, identitySource, ttlSeconds };
  const routes = ['$default', 'GET /other'].map((key) => ({ key, invoke: echo, authorizer }));
  return { asked, api: await start(routes, rest) };
}

const allow = () => ({ isAuthorized: true });

describe('the authorizer of an HTTP API', () => {
  const { rule, table, complete } = proofOf('authorizer');

  rule('isAuthorized true lets through, false is a 403', async () => {
    assert.equal((await call((await startWith(allow)).api.url)).status, 200);
    const refusing = await startWith(() => ({ isAuthorized: false }));
    assert.deepEqual(statusAndText(await call(refusing.api.url)), [403, '{"message":"Forbidden"}']);
  });

  table(
    'an error, a time-out or an answer of another form is a 500',
    [
      ['an exception', (): unknown => Promise.reject(new Error('secret detail'))],
      ['no answer in time', (): unknown => sleep(500)],
      ['a policy', (): unknown => ({ principalId: 'x' })],
      ['yes as a string', (): unknown => ({ isAuthorized: 'true' })],
      ['nothing', (): unknown => null],
    ] as const,
    async (_name, decide) => {
      const { api } = await startWith(decide, { authorizerLimitMs: 30 });
      assert.deepEqual(statusAndText(await call(api.url)), [500, '{"message":"Internal Server Error"}']);
    },
  );

  rule("it sees the head of the request with the route's ARN, and no body", async () => {
    const { api, asked } = await startWith(allow, {
      identitySource: ['$request.header.host', '$request.querystring.b'],
      stage: 'v1',
    });
    const headers = { host: 'a.example.com', 'content-type': 'text/plain' };
    await call(`${api.url}/a?b=1`, { method: 'POST', headers, body: 'x' });
    const [event] = asked;
    assert.ok(event !== undefined);
    assert.deepEqual(
      [event.type, event.version, event.rawPath, event.routeKey],
      ['REQUEST', '2.0', '/v1/a', '$default'],
    );
    assert.equal(event.routeArn, 'arn:aws:execute-api:us-east-1:123456789012:lab0123456/v1/POST/a');
    assert.deepEqual((event as unknown as { identitySource: unknown }).identitySource, [
      'a.example.com',
      '1',
    ]);
    assert.deepEqual(['body' in event, 'isBase64Encoded' in event], [false, false]);
  });

  rule("its context is the function's requestContext.authorizer.lambda", async () => {
    const { api } = await startWith(() => ({ isAuthorized: true, context: { who: 'me' } }));
    const event = JSON.parse((await call(api.url)).body.toString()) as HttpApiEvent;
    assert.deepEqual(event.requestContext.authorizer, { lambda: { who: 'me' } });
  });

  table(
    'without one of its identity sources the answer is 401, and it is not asked',
    [
      ['no header', '$request.header.Authorization', ''],
      ['an empty parameter', '$request.querystring.key', '/?key='],
    ],
    async (_name, source, path) => {
      const { api, asked } = await startWith(allow, {
        identitySource: ['$context.identity.sourceIp', source],
      });
      assert.deepEqual(statusAndText(await call(api.url + path)), [401, '{"message":"Unauthorized"}']);
      assert.equal(asked.length, 0);
    },
  );

  rule('names of headers are compared without case, those of parameters with it', async () => {
    const identitySource = ['$request.header.X-KEY', '$request.querystring.Key'];
    const { api } = await startWith(allow, { identitySource });
    assert.equal((await call(`${api.url}/?Key=1`, { headers: { 'x-key': '1' } })).status, 200);
    assert.equal((await call(`${api.url}/?key=1`, { headers: { 'x-key': '1' } })).status, 401);
  });

  const byKey = { identitySource: ['$request.header.key'], ttlSeconds: 60 };

  rule('a decision counts for the same identity until its time is over, on every route', async () => {
    let nowMs = 1_700_000_000_000;
    const { api, asked } = await startWith(allow, { ...byKey, clock: () => nowMs });
    const ask = (path: string, key: string) => call(api.url + path, { headers: { key } });
    await ask('/a', 'one');
    await ask('/other', 'one');
    assert.equal(asked.length, 1);
    await ask('/a', 'two');
    assert.equal(asked.length, 2);
    nowMs += 60_001;
    await ask('/a', 'one');
    assert.equal(asked.length, 3);
  });

  rule('a refusal is remembered as an admission is', async () => {
    const { api, asked } = await startWith(() => ({ isAuthorized: asked.length > 1 }), byKey);
    for (let count = 0; count < 2; count += 1)
      assert.equal((await call(api.url, { headers: { key: '1' } })).status, 403);
    assert.equal(asked.length, 1);
  });

  rule('$context.routeKey among the sources makes decisions those of a route', async () => {
    const identitySource = ['$request.header.key', '$context.routeKey'];
    const { api, asked } = await startWith(allow, { identitySource, ttlSeconds: 60 });
    for (const path of ['/a', '/other', '/b', '/other'])
      await call(api.url + path, { headers: { key: '1' } });
    assert.deepEqual(
      asked.map(({ routeKey }) => routeKey),
      ['$default', 'GET /other'],
    );
  });

  rule('$context.identity.sourceIp remembers by address', async () => {
    const identitySource = ['$context.identity.sourceIp'];
    const { api, asked } = await startWith(allow, { identitySource, ttlSeconds: 60 });
    for (const from of ['127.0.0.1', '127.0.0.2', '127.0.0.1', '127.0.0.2'])
      await call(api.url, { from, headers: { 'x-forwarded-for': '192.0.2.1' } });
    assert.deepEqual(
      asked.map(({ requestContext }) => requestContext.http.sourceIp),
      ['127.0.0.1', '127.0.0.2'],
    );
  });

  rule('without identity sources nothing is remembered', async () => {
    const { api, asked } = await startWith(allow, { ttlSeconds: 60 });
    await call(api.url);
    await call(api.url);
    assert.equal(asked.length, 2);
  });

  rule('a failure is not remembered', async () => {
    const { api, asked } = await startWith(() => (asked.length === 1 ? {} : allow()), byKey);
    const statuses = [];
    for (let count = 0; count < 3; count += 1)
      statuses.push((await call(api.url, { headers: { key: '1' } })).status);
    assert.deepEqual([statuses, asked.length], [[500, 200, 200], 2]);
  });

  complete();
});

describe('the access log of an HTTP API', () => {
  const { rule, table, complete } = proofOf('log');

  async function lineOf(
    format: string,
    path = '/',
    options: Options & { answer?: unknown } = {},
  ): Promise<string> {
    const lines: string[] = [];
    const accessLog = { format, write: (line: string) => void lines.push(line) };
    const { api } = await startWith(() => options.answer ?? allow(), { ...options, accessLog });
    await call(`${api.url}${path}`, { headers: { host: 'a.example.com', 'user-agent': 'probe/1' } });
    assert.equal(lines.length, 1);
    return lines[0] as string;
  }

  rule('each variable of the format is replaced by its value', async () => {
    const names = [
      ...['identity.sourceIp', 'identity.userAgent', 'domainName', 'httpMethod', 'path', 'protocol'],
      ...['routeKey', 'stage', 'status', 'requestTimeEpoch', 'integrationStatus', 'integration.status'],
    ];
    const format = JSON.stringify(Object.fromEntries(names.map((name) => [name, `$context.${name}`])));
    assert.deepEqual(JSON.parse(await lineOf(format, '/a%20b?secret=1', { clock: () => 7 })), {
      ...{ 'identity.sourceIp': '127.0.0.1', 'identity.userAgent': 'probe/1', domainName: 'a.example.com' },
      ...{ httpMethod: 'GET', path: '/a b', protocol: 'HTTP/1.1', routeKey: '$default', stage: '$default' },
      ...{ status: '200', requestTimeEpoch: '7', integrationStatus: '200', 'integration.status': '200' },
    });
    assert.match(
      await lineOf('$context.requestId $context.responseLength $context.integrationLatency.'),
      /^[\w-]{15} \d+ \d+\.$/,
    );
  });

  rule('what has no value is a hyphen', async () => {
    const format = '$context.error.message|$context.authorizer.code|$context.integrationErrorMessage';
    assert.equal(await lineOf(format), '-|-|-');
    assert.throws(
      () => accessLogger({ format: '$context.sourceIp', write() {} }),
      /\$context\.sourceIp is not a variable/,
    );
  });

  table(
    'requests that were refused are logged too',
    [
      ['by the authorizer', { answer: { isAuthorized: false } }, '403 Forbidden - -'],
      [
        'by a failing authorizer',
        { answer: {} },
        '500 Internal Server Error The response has an invalid format -',
      ],
      ['without an identity source', { identitySource: ['$request.header.key'] }, '401 Unauthorized - -'],
      ['by throttling', { throttle: { rateLimit: 0, burstLimit: 0 } }, '429 Too Many Requests - -'],
    ],
    async (_name, options, line) => {
      const names = ['status', 'error.message', 'authorizer.error', 'integrationStatus'];
      assert.equal(await lineOf(names.map((name) => `$context.${name}`).join(' '), '/', options), line);
    },
  );

  rule("the authorizer's context is there, of refusals too", async () => {
    const answer = { isAuthorized: false, context: { code: 'authorizer:source', number: 1, list: [1] } };
    const format = '$context.authorizer.code $context.authorizer.number $context.authorizer.list';
    assert.equal(await lineOf(format, '/', { answer }), 'authorizer:source 1 -');
  });

  rule('a format of more than 3 KB is not taken', () => {
    assert.throws(() => accessLogger({ format: 'x'.repeat(3_073), write() {} }), /3,072 are allowed/);
  });

  complete();
});
