import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { call } from './lab/http.ts';
import type { HttpApiEvent } from './lab/http-api-event.ts';
import { echo, exchange, start, statusAndText } from './lab/http-api-harness.ts';
import { proofOf } from './lab/http-api-proof.ts';

describe('the event of an HTTP API', () => {
  const { rule, table, complete } = proofOf('event');

  rule('the event has the fields of payload format 2.0', async () => {
    const headers = { host: 'hooks.example.com', 'user-agent': 'probe/1', 'content-type': 'text/plain' };
    const { event } = await exchange('/a?b=c', { method: 'POST', headers, body: 'hello' }, undefined, {
      clock: () => 1_583_348_638_390,
      key: 'POST /{name}',
    });
    const { requestContext, headers: _headers, ...rest } = event;
    assert.deepEqual(rest, {
      version: '2.0',
      routeKey: 'POST /{name}',
      rawPath: '/a',
      rawQueryString: 'b=c',
      queryStringParameters: { b: 'c' },
      pathParameters: { name: 'a' },
      body: 'hello',
      isBase64Encoded: false,
    });
    const { requestId, ...context } = requestContext;
    assert.match(requestId, /^[\w-]{15}$/);
    assert.deepEqual(context, {
      accountId: '123456789012',
      apiId: 'lab0123456',
      domainName: 'hooks.example.com',
      domainPrefix: 'hooks',
      http: {
        method: 'POST',
        path: '/a',
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'probe/1',
      },
      routeKey: 'POST /{name}',
      stage: '$default',
      time: '04/Mar/2020:19:03:58 +0000',
      timeEpoch: 1_583_348_638_390,
    });
  });

  rule('header names are lower-case, and the values of a repeated header are joined by commas', async () => {
    const headers = { 'X-One': ['1', '2'], constructor: 'x' };
    const { event } = await exchange('/', { headers });
    assert.deepEqual([event.headers['x-one'], event.headers['X-One']], ['1,2', undefined]);
    assert.equal(event.headers.constructor, 'x');
  });

  rule('cookies are apart from the headers, each pair an entry', async () => {
    const { event } = await exchange('/', { headers: { Cookie: 'a=1; b=2' } });
    assert.deepEqual([event.cookies, event.headers.cookie], [['a=1', 'b=2'], undefined]);
    assert.equal('cookies' in (await exchange('/')).event, false);
  });

  rule('headers of the connection are not handed on', async () => {
    const { event } = await exchange('/', { headers: { Connection: 'close, x-hop', TE: 'trailers' } });
    assert.deepEqual([event.headers.connection, event.headers.te], [undefined, undefined]);
  });

  rule('query parameters are decoded, and the values of a repeated one are joined by commas', async () => {
    const { event } = await exchange('/?a=1&a=%20&b=&__proto__=x');
    assert.deepEqual(Object.entries(event.queryStringParameters ?? {}), [
      ['a', '1, '],
      ['b', ''],
      ['__proto__', 'x'],
    ]);
    assert.equal('queryStringParameters' in (await exchange('/')).event, false);
  });

  table(
    'the raw query is as the client sent it',
    [
      ['/q?', ''],
      ['/q?b=2&a=1&b=1', 'b=2&a=1&b=1'],
      ['/q?x=%2F%20+&empty&y=a?b', 'x=%2F%20+&empty&y=a?b'],
    ],
    async (target, rawQueryString) => {
      assert.equal((await exchange(target)).event.rawQueryString, rawQueryString);
    },
  );

  table(
    'the path is decoded twice, encoded slashes too, and cut at an encoded question mark',
    [
      ['/', '/'],
      ['/a/b/', '/a/b/'],
      ['/a//b', '/a//b'],
      ['/a%20b', '/a b'],
      ['/a%2Fb', '/a/b'],
      ['/%40id%2Fx%23y', '/@id/x#y'],
      ['/a%3Fb/c', '/a'],
      ['/a%252Fb', '/a/b'],
      ['/a%253Fb', '/a?b'],
      ['/a%2525b', '/a%b'],
      ['/caf%C3%A9', '/café'],
      ['/latin%ff', '/latin\uFFFD'],
    ],
    async (target, rawPath) => {
      const { event } = await exchange(target);
      assert.deepEqual([event.rawPath, event.requestContext.http.path], [rawPath, rawPath]);
    },
  );

  table(
    'a path whose escapes are broken is refused with 400',
    [['/a%2'], ['/a%25b'], ['/a%zz']],
    async (target) => {
      const { event, answer } = await exchange(target);
      assert.deepEqual([answer.status, event], [400, undefined]);
    },
  );

  table(
    'a body is text for text/*, JSON, XML and JavaScript, and base64 for every other type and for none',
    [
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
      ['', true],
    ],
    async (type, encoded) => {
      const headers = type === '' ? {} : { 'content-type': type };
      const { event } = await exchange('/', { method: 'POST', headers, body: 'ä=1' });
      assert.equal(event.isBase64Encoded, encoded);
      assert.equal(event.body, encoded ? Buffer.from('ä=1').toString('base64') : 'ä=1');
      assert.equal(event.headers['content-length'], '4');
    },
  );

  rule('a request without a body has none in the event', async () => {
    const { event } = await exchange('/', { method: 'POST', headers: { 'content-type': 'image/png' } });
    assert.deepEqual(['body' in event, event.isBase64Encoded], [false, false]);
    assert.equal(event.headers['content-length'], '0');
  });

  rule("the client is added to x-forwarded-for; port, protocol and trace id are the gateway's", async () => {
    const sent = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http', 'x-forwarded-port': '80' };
    const { headers } = (await exchange('/', { headers: sent })).event;
    assert.equal(headers['x-forwarded-for'], '203.0.113.9, 127.0.0.1');
    assert.deepEqual([headers['x-forwarded-proto'], headers['x-forwarded-port']], ['https', '443']);
    assert.match(headers['x-amzn-trace-id'] ?? '', /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
  });

  rule('the source address is that of the connection, whatever a header says', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1', 'x-real-ip': '192.0.2.1' };
    const { event } = await exchange('/', { headers });
    assert.equal(event.requestContext.http.sourceIp, '127.0.0.1');
  });

  complete();
});

describe('the route of an HTTP API', () => {
  const { rule, table, complete } = proofOf('route');

  async function eventOf(keys: readonly string[], method: string, path: string): Promise<HttpApiEvent> {
    const api = await start(keys.map((key) => ({ key, invoke: echo })));
    return JSON.parse((await call(`${api.url}${path}`, { method })).body.toString()) as HttpApiEvent;
  }

  rule('the $default stage is served from the base', async () => {
    const { event } = await exchange('/v1/hooks', {}, undefined, { key: 'GET /v1/hooks' });
    assert.deepEqual([event.rawPath, event.requestContext.stage], ['/v1/hooks', '$default']);
  });

  rule('a named stage is the first segment of the path', async () => {
    const options = { stage: 'v1', key: 'GET /hooks' };
    assert.equal((await exchange('/v1/hooks?x=1', {}, undefined, options)).answer.status, 200);
    assert.equal((await exchange('/hooks', {}, undefined, options)).answer.status, 404);
    assert.equal((await exchange('/v1', {}, undefined, { stage: 'v1', key: 'GET /' })).answer.status, 200);
  });

  rule('rawPath keeps the name of the stage', async () => {
    const { event } = await exchange('/v1/hooks', {}, undefined, { stage: 'v1', key: 'GET /hooks' });
    assert.deepEqual([event.rawPath, event.requestContext.stage], ['/v1/hooks', 'v1']);
  });

  rule('a path of no stage is a 404, and is not logged', async () => {
    const lines: string[] = [];
    const accessLog = { format: '$context.status', write: (line: string) => void lines.push(line) };
    const { answer } = await exchange('/v2/hooks', {}, undefined, { stage: 'v1', accessLog });
    assert.deepEqual([statusAndText(answer), lines], [[404, '{"message":"Not Found"}'], []]);
  });

  // The page's own example.
  const pets = ['GET /pets/dog/1', 'GET /pets/dog/{id}', 'GET /pets/{proxy+}', 'ANY /{proxy+}', '$default'];
  table(
    'a full match goes before a greedy one, and that before $default',
    [
      ['GET /pets/dog/1', 'GET /pets/dog/1'],
      ['GET /pets/dog/2', 'GET /pets/dog/{id}'],
      ['GET /pets/cat/1', 'GET /pets/{proxy+}'],
      ['POST /test/5', 'ANY /{proxy+}'],
      ['GET /', '$default'],
    ],
    async (request, key) => {
      const [method = '', path = ''] = request.split(' ');
      assert.equal((await eventOf(pets.toReversed(), method, path)).routeKey, key);
    },
  );

  table(
    'a named method goes before ANY, and a longer fixed path before a shorter',
    [
      ['POST /pets', 'POST /pets'],
      ['GET /pets', 'ANY /pets'],
      ['GET /pets/7/x', 'ANY /pets/{proxy+}'],
    ],
    async (request, key) => {
      const [method = '', path = ''] = request.split(' ');
      const keys = ['ANY /{proxy+}', 'ANY /pets', 'POST /pets', 'ANY /pets/{proxy+}'];
      assert.equal((await eventOf(keys, method, path)).routeKey, key);
    },
  );

  table(
    "a route's variables are in pathParameters, decoded",
    [
      ['GET /pets/{id}', '/pets/a%20b', { id: 'a b' }],
      ['ANY /{proxy+}', '/pets/7/a%20b', { proxy: 'pets/7/a b' }],
      ['GET /pets', '/pets', undefined],
      ['$default', '/pets', undefined],
    ],
    async (key, path, parameters) => {
      assert.deepEqual((await eventOf([key], 'GET', path)).pathParameters, parameters);
    },
  );

  rule('no route is a 404', async () => {
    for (const key of ['GET /yes', 'POST /no', 'GET /no/{proxy+}']) {
      const { answer } = await exchange('/no', {}, undefined, { key });
      assert.deepEqual(statusAndText(answer), [404, '{"message":"Not Found"}'], key);
    }
  });

  rule('without CORS, OPTIONS goes to its route and no header is added', async () => {
    const headers = { origin: 'https://example.com', 'access-control-request-method': 'POST' };
    const { event, answer } = await exchange('/', { method: 'OPTIONS', headers });
    assert.equal(event.requestContext.http.method, 'OPTIONS');
    assert.equal(/access-control/i.test(answer.rawHeaders.join()), false);
  });

  complete();
});
