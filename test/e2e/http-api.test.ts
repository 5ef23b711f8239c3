import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, type HttpAnswer, type HttpRequest } from './lab/http.ts';
import {
  type HttpApi,
  type HttpApiOptions,
  type HttpApiRoute,
  limits,
  startHttpApi,
} from './lab/http-api.ts';
import type { Authorizer } from './lab/http-api-authorizer.ts';
import type { HttpApiEvent } from './lab/http-api-event.ts';
import { inProcess } from './lab/in-process.ts';

const open: HttpApi[] = [];
after(() => Promise.all(open.map((api) => api.close())));

async function start(
  routes: readonly HttpApiRoute[],
  rest: Omit<HttpApiOptions, 'routes'> = {},
): Promise<HttpApi> {
  const api = await startHttpApi({ host: '127.0.0.1', ...rest, routes });
  open.push(api);
  return api;
}

/** Sends one request to an API whose function returns `answer`, and gives the event that the function saw. */
async function exchange(
  target: string,
  request: HttpRequest = {},
  answer: unknown = { statusCode: 200 },
  rest: Omit<HttpApiOptions, 'routes'> & { key?: string } = {},
): Promise<{ readonly event: HttpApiEvent; readonly answer: HttpAnswer }> {
  const seen: HttpApiEvent[] = [];
  const invoke = inProcess(async (event: HttpApiEvent) => {
    seen.push(event);
    return answer;
  });
  const { key = '$default', ...options } = rest;
  const api = await start([{ key, invoke }], options);
  const got = await call(`http://127.0.0.1:${api.port}${target}`, request);
  return { event: seen[0] as HttpApiEvent, answer: got };
}

describe('the event of an HTTP API', () => {
  const paths: readonly (readonly [target: string, rawPath: string, rawQueryString: string])[] = [
    ['/', '/', ''],
    ['/a/b/', '/a/b/', ''],
    ['/a//b', '/a//b', ''],
    ['/a%20b', '/a b', ''],
    ['/a%2Fb', '/a/b', ''],
    ['/%40id%2Fx%23y', '/@id/x#y', ''],
    ['/a%3Fb/c', '/a', ''],
    ['/a%252Fb', '/a/b', ''],
    ['/a%253Fb', '/a?b', ''],
    ['/a%2525b', '/a%b', ''],
    ['/caf%C3%A9', '/café', ''],
    ['/latin%ff', '/latin\uFFFD', ''],
    ['/q?', '/q', ''],
    ['/q?b=2&a=1&b=1', '/q', 'b=2&a=1&b=1'],
    ['/q?x=%2F%20+&empty&y=a?b', '/q', 'x=%2F%20+&empty&y=a?b'],
  ];
  for (const [target, rawPath, rawQueryString] of paths) {
    test(`decodes the path of ${target} twice and leaves its query alone`, async () => {
      const { event } = await exchange(target);
      assert.equal(event.rawPath, rawPath);
      assert.equal(event.requestContext.http.path, rawPath);
      assert.equal(event.rawQueryString, rawQueryString);
    });
  }

  for (const target of ['/a%2', '/a%25b', '/a%zz']) {
    test(`is not made from ${target}, whose escape is broken: the client gets 400`, async () => {
      const { event, answer } = await exchange(target);
      assert.deepEqual([answer.status, event], [400, undefined]);
    });
  }

  test('joins repeated query parameters with commas, decoded', async () => {
    const { event } = await exchange('/?a=1&a=%20&b=');
    assert.deepEqual(event.queryStringParameters, { a: '1, ', b: '' });
  });

  test('joins repeated headers with commas under lower-case names and takes cookies apart', async () => {
    const headers = { 'X-One': ['1', '2'], Cookie: 'a=1; b=2', Connection: 'close, x-hop', TE: 'trailers' };
    const { event } = await exchange('/', { headers });
    assert.equal(event.headers['x-one'], '1,2');
    assert.deepEqual(event.cookies, ['a=1', 'b=2']);
    for (const name of ['cookie', 'connection', 'te', 'X-One'])
      assert.equal(event.headers[name], undefined, name);
  });

  test('adds the client to x-forwarded-for and sets port, protocol and content-length', async () => {
    const sent = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http', 'x-forwarded-port': '80' };
    const { event } = await exchange('/', { headers: sent });
    assert.equal(event.headers['x-forwarded-for'], '203.0.113.9, 127.0.0.1');
    assert.equal(event.headers['x-forwarded-proto'], 'https');
    assert.equal(event.headers['x-forwarded-port'], '443');
    assert.equal(event.headers['content-length'], '0');
    assert.match(event.headers['x-amzn-trace-id'] ?? '', /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    assert.equal(event.requestContext.http.sourceIp, '127.0.0.1');
  });

  const bodies: readonly (readonly [type: string | undefined, encoded: boolean])[] = [
    ['text/plain', false],
    ['text/csv; charset=utf-8', false],
    ['application/json', false],
    ['Application/JSON; charset=utf-8', false],
    ['application/xml', false],
    ['application/javascript', false],
    ['application/x-www-form-urlencoded', true],
    ['application/cloudevents+json', true],
    ['application/octet-stream', true],
    ['multipart/form-data; boundary=x', true],
    [undefined, true],
  ];
  for (const [type, encoded] of bodies) {
    test(`sends a body of type ${type ?? '(none)'} as ${encoded ? 'base64' : 'text'}`, async () => {
      const headers = type === undefined ? {} : { 'content-type': type };
      const { event } = await exchange('/', { method: 'POST', headers, body: 'ä=1' });
      assert.equal(event.isBase64Encoded, encoded);
      assert.equal(event.body, encoded ? Buffer.from('ä=1').toString('base64') : 'ä=1');
      assert.equal(event.headers['content-length'], '4');
    });
  }

  test('has no body when there is none', async () => {
    const { event } = await exchange('/', { method: 'POST', headers: { 'content-type': 'image/png' } });
    assert.equal('body' in event, false);
    assert.equal(event.isBase64Encoded, false);
  });

  test('begins its path with the stage, unless that is $default', async () => {
    const { event, answer } = await exchange('/v1/hooks?x=1', {}, undefined, {
      stage: 'v1',
      key: 'GET /hooks',
    });
    assert.equal(answer.status, 200);
    assert.equal(event.rawPath, '/v1/hooks');
    assert.equal(event.requestContext.stage, 'v1');
  });
});

describe('the route of an HTTP API', () => {
  const keys = [
    'GET /pets/{id}',
    'ANY /pets/{proxy+}',
    'ANY /{proxy+}',
    'POST /pets',
    'ANY /pets',
    '$default',
  ];
  const cases: readonly (readonly [method: string, path: string, key: string, parameters?: object])[] = [
    ['GET', '/pets/7', 'GET /pets/{id}', { id: '7' }],
    ['PUT', '/pets/7', 'ANY /pets/{proxy+}', { proxy: '7' }],
    ['GET', '/pets/7/a%20b', 'ANY /pets/{proxy+}', { proxy: '7/a b' }],
    ['POST', '/pets', 'POST /pets'],
    ['GET', '/pets', 'ANY /pets'],
    ['GET', '/other', 'ANY /{proxy+}', { proxy: 'other' }],
    ['GET', '/', '$default'],
  ];
  for (const [method, path, key, parameters] of cases) {
    test(`of ${method} ${path} is ${key}`, async () => {
      const invoke = inProcess(async (event: HttpApiEvent) => ({ ...event, seen: true }));
      const api = await start(keys.map((one) => ({ key: one, invoke })));
      const event = JSON.parse(
        (await call(`http://127.0.0.1:${api.port}${path}`, { method })).body.toString(),
      );
      assert.equal(event.routeKey, key);
      assert.deepEqual(event.pathParameters, parameters);
    });
  }

  test('is a 404 when nothing matches', async () => {
    const { answer } = await exchange('/no', {}, undefined, { key: 'GET /yes' });
    assert.deepEqual([answer.status, answer.body.toString()], [404, '{"message":"Not Found"}']);
  });
});

describe('the answer of an HTTP API', () => {
  const cases: readonly (readonly [
    name: string,
    returned: unknown,
    status: number,
    type: string,
    body: string,
  ])[] = [
    ['an answer', { statusCode: 201, headers: { 'Content-Type': 'x/y' }, body: 'b' }, 201, 'x/y', 'b'],
    ['an answer without a type', { statusCode: 200, body: 'b' }, 200, 'text/plain;charset=UTF-8', 'b'],
    [
      'base64',
      { statusCode: 200, body: 'AP8=', isBase64Encoded: true },
      200,
      'text/plain;charset=UTF-8',
      '\0\xff',
    ],
    ['an object without a status', { ok: 1 }, 200, 'application/json', '{"ok":1}'],
    ['a string', 'text', 200, 'application/json', 'text'],
    [
      'a status that is none',
      { statusCode: 'x' },
      500,
      'application/json',
      '{"message":"Internal Server Error"}',
    ],
    [
      'a body that is none',
      { statusCode: 200, body: { a: 1 } },
      500,
      'application/json',
      '{"message":"Internal Server Error"}',
    ],
  ];
  for (const [name, returned, status, type, body] of cases) {
    test(`made from ${name} has status ${status} and type ${type}`, async () => {
      const { answer } = await exchange('/', {}, returned);
      assert.equal(answer.status, status);
      assert.equal(answer.headers['content-type'], type);
      assert.equal(answer.body.toString('latin1'), body);
    });
  }

  test('sends each cookie as a set-cookie of its own', async () => {
    const { answer } = await exchange('/', {}, { statusCode: 200, cookies: ['a=1; Path=/', 'b=2'] });
    assert.deepEqual(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2']);
  });

  test('counts the body itself and ignores what the function says of its length', async () => {
    const { answer } = await exchange(
      '/',
      {},
      { statusCode: 200, headers: { 'content-length': '9' }, body: 'abc' },
    );
    assert.equal(answer.headers['content-length'], '3');
  });

  test('has no body for 204, and none for HEAD', async () => {
    assert.equal((await exchange('/', {}, { statusCode: 204, body: 'x' })).answer.body.length, 0);
    const { answer } = await exchange('/', { method: 'HEAD' }, { statusCode: 200, body: 'xyz' });
    assert.deepEqual([answer.status, answer.body.length], [200, 0]);
  });

  test('is 500 when the function throws', async () => {
    const invoke = inProcess(() => Promise.reject(new Error('secret detail')));
    const api = await start([{ key: '$default', invoke }]);
    const answer = await call(api.url);
    assert.deepEqual([answer.status, answer.body.toString()], [500, '{"message":"Internal Server Error"}']);
  });

  test('is 503 when the function takes too long', async () => {
    const invoke = inProcess(() => sleep(500));
    const api = await start([{ key: '$default', invoke }], { integrationLimitMs: 30 });
    const answer = await call(api.url);
    assert.deepEqual([answer.status, answer.body.toString()], [503, '{"message":"Service Unavailable"}']);
  });

  test('is 500 when the function returns more than 6 MB', async () => {
    const { answer } = await exchange('/', {}, { statusCode: 200, body: 'x'.repeat(limits.invokeBytes) });
    assert.equal(answer.status, 500);
  });
});

describe('the limits of an HTTP API', () => {
  const tooLarge: readonly (readonly [name: string, request: HttpRequest, status: number])[] = [
    ['a body of 10 MB and a byte', { method: 'POST', body: Buffer.alloc(limits.bodyBytes + 1) }, 413],
    ['a body whose event is larger than 6 MB', { method: 'POST', body: Buffer.alloc(5 * 1024 * 1024) }, 413],
    ['headers of more than 10,240 bytes', { headers: { 'x-long': 'x'.repeat(10_240) } }, 431],
  ];
  for (const [name, request, status] of tooLarge) {
    test(`refuse ${name} with ${status}`, async () => {
      const { answer, event } = await exchange('/', request);
      assert.equal(answer.status, status);
      assert.equal(event, undefined);
    });
  }

  test('admit a body of 4 MB, byte by byte', async () => {
    const body = Buffer.alloc(4 * 1024 * 1024, 'é');
    const { event, answer } = await exchange('/', { method: 'POST', body });
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(event.body ?? '', 'base64').equals(body));
  });
});

describe('the authorizer of an HTTP API', () => {
  async function startWith(authorizer: Partial<Authorizer> & { answer: unknown }, clock = Date.now) {
    const asked: Record<string, unknown>[] = [];
    const invoke = inProcess(async (event: Record<string, unknown>) => {
      asked.push(event);
      if (authorizer.answer instanceof Error) throw authorizer.answer;
      return authorizer.answer;
    });
    const whole: Authorizer = { invoke, identitySource: [], ttlSeconds: 0, ...authorizer };
    const api = await start(
      [{ key: '$default', invoke: inProcess(async (event: HttpApiEvent) => event), authorizer: whole }],
      { clock },
    );
    return { asked, url: api.url };
  }

  const answers: readonly (readonly [name: string, answer: unknown, status: number])[] = [
    ['allows', { isAuthorized: true }, 200],
    ['denies', { isAuthorized: false }, 403],
    ['throws', new Error('x'), 500],
    ['returns a policy instead', { principalId: 'x' }, 500],
    ['says yes in a string', { isAuthorized: 'true' }, 500],
  ];
  for (const [name, answer, status] of answers) {
    test(`makes it ${status} when it ${name}`, async () => {
      const { url } = await startWith({ answer });
      assert.equal((await call(url)).status, status);
    });
  }

  test('sees the head of the request and never its body', async () => {
    const { url, asked } = await startWith({ answer: { isAuthorized: true } });
    await call(`${url}/a?b=1`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' });
    const [event] = asked;
    assert.equal(event?.type, 'REQUEST');
    assert.equal(event?.rawPath, '/a');
    assert.match(String(event?.routeArn), /^arn:aws:execute-api:.*\/\$default\/POST\/a$/);
    assert.equal(event !== undefined && ('body' in event || 'isBase64Encoded' in event), false);
  });

  test('hands its context on to the function', async () => {
    const { url } = await startWith({ answer: { isAuthorized: true, context: { who: 'me' } } });
    const event = JSON.parse((await call(url)).body.toString()) as HttpApiEvent;
    assert.deepEqual(event.requestContext.authorizer, { lambda: { who: 'me' } });
  });

  test('is not asked, and the answer is 401, without an identity source', async () => {
    const { url, asked } = await startWith({
      answer: { isAuthorized: true },
      identitySource: ['$request.header.Authorization'],
    });
    assert.equal((await call(url)).status, 401);
    assert.equal(asked.length, 0);
  });

  test('is asked once for the same identity until its time is over, whatever the path', async () => {
    let nowMs = 1_700_000_000_000;
    const { url, asked } = await startWith(
      { answer: { isAuthorized: true }, identitySource: ['$context.identity.sourceIp'], ttlSeconds: 60 },
      () => nowMs,
    );
    await call(`${url}/a`);
    await call(`${url}/b`);
    assert.equal(asked.length, 1);
    nowMs += 60_001;
    await call(`${url}/a`);
    assert.equal(asked.length, 2);
  });
});
