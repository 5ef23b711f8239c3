import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, type HttpRequest } from './lab/http.ts';
import { echo, exchange, start, statusAndText } from './lab/http-api-harness.ts';
import { limits } from './lab/http-api-limits.ts';
import { proofOf } from './lab/http-api-proof.ts';
import { inProcess } from './lab/in-process.ts';

const internalError = [500, '{"message":"Internal Server Error"}'];

describe('the answer of an HTTP API', () => {
  const { rule, table, complete } = proofOf('answer');

  rule('an answer has the status, the headers and the body that the function gave', async () => {
    const headers = { 'Content-Type': 'x/y', 'x-list': 'a, b' };
    const { answer } = await exchange('/', {}, { statusCode: 201, headers, body: 'bö' });
    assert.deepEqual(statusAndText(answer), [201, 'bö']);
    assert.deepEqual([answer.headers['content-type'], answer.headers['x-list']], ['x/y', 'a, b']);
  });

  rule('each cookie is a set-cookie of its own', async () => {
    const { answer } = await exchange('/', {}, { statusCode: 200, cookies: ['a=1; Path=/', 'b=2'] });
    assert.deepEqual(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2']);
  });

  table(
    'a base64 body is decoded, whatever its type',
    [['application/octet-stream'], ['text/plain'], ['application/json']],
    async (type) => {
      const returned = {
        statusCode: 200,
        headers: { 'content-type': type },
        body: 'AP8=',
        isBase64Encoded: true,
      };
      assert.deepEqual((await exchange('/', {}, returned)).answer.body, Buffer.from([0, 255]));
    },
  );

  rule('without a content-type the answer is text/plain', async () => {
    const { answer } = await exchange('/', {}, { statusCode: 200, body: 'b' });
    assert.equal(answer.headers['content-type'], 'text/plain;charset=UTF-8');
  });

  table(
    'valid JSON without a statusCode is the body of a 200 of type application/json',
    [
      ['an object', { message: 'hello' }, '{"message":"hello"}'],
      ['a string', 'text', 'text'],
      ['a list', [1], '[1]'],
      ['null', null, 'null'],
    ],
    async (_name, returned, body) => {
      const { answer } = await exchange('/', {}, returned);
      assert.deepEqual(statusAndText(answer), [200, body]);
      assert.equal(answer.headers['content-type'], 'application/json');
    },
  );

  table(
    'an answer of another form is a 500',
    [
      ['a malformed status', { statusCode: 'x' }],
      ['a status out of range', { statusCode: 99 }],
      ['a malformed body', { statusCode: 200, body: { a: 1 } }],
    ],
    async (_name, returned) => {
      assert.deepEqual(statusAndText((await exchange('/', {}, returned)).answer), internalError);
    },
  );

  rule('the length is counted by the gateway', async () => {
    const returned = { statusCode: 200, headers: { 'content-length': '9' }, body: 'abc' };
    assert.equal((await exchange('/', {}, returned)).answer.headers['content-length'], '3');
  });

  rule('204 and HEAD have no body', async () => {
    assert.equal((await exchange('/', {}, { statusCode: 204, body: 'x' })).answer.body.length, 0);
    const { answer } = await exchange('/', { method: 'HEAD' }, { statusCode: 200, body: 'xyz' });
    assert.deepEqual(statusAndText(answer), [200, '']);
  });

  rule('a function that fails is a 500, and says nothing of why', async () => {
    const invoke = inProcess(() => Promise.reject(new Error('secret detail')));
    const api = await start([{ key: '$default', invoke }]);
    assert.deepEqual(statusAndText(await call(api.url)), internalError);
  });

  rule("a function that outlasts the integration's time is a 503", async () => {
    const invoke = inProcess(() => sleep(500));
    const api = await start([{ key: '$default', invoke, limitMs: 30 }]);
    assert.deepEqual(statusAndText(await call(api.url)), [503, '{"message":"Service Unavailable"}']);
  });

  rule('an answer of more than 6 MB is a 500', async () => {
    const around = JSON.stringify({ statusCode: 200, body: '' }).length;
    const largest = 'x'.repeat(limits.answerBytes - around);
    assert.equal((await exchange('/', {}, { statusCode: 200, body: largest })).answer.status, 200);
    assert.deepEqual(
      statusAndText((await exchange('/', {}, { statusCode: 200, body: `${largest}x` })).answer),
      internalError,
    );
  });

  rule('every answer to a request of the stage names it in apigw-requestid', async () => {
    const { event, answer } = await exchange('/');
    assert.equal(answer.headers['apigw-requestid'], event.requestContext.requestId);
    const none = await exchange('/', {}, {}, { key: 'GET /no' });
    assert.ok(none.answer.headers['apigw-requestid'], 'it is not named');
  });

  complete();
});

describe('the limits of an HTTP API', () => {
  const { rule, table, complete } = proofOf('limit');

  async function assertRefused(request: HttpRequest, status: number, message: string): Promise<void> {
    const { answer, event } = await exchange('/', request);
    assert.deepEqual([statusAndText(answer), event], [[status, JSON.stringify({ message })], undefined]);
  }

  rule('a body of more than 10 MB is refused with 413', async () => {
    const body = Buffer.alloc(limits.bodyBytes + 1);
    await assertRefused({ method: 'POST', body }, 413, 'Request Entity Too Large');
  });

  rule('an event of more than 6 MB is refused with 413', async () => {
    const body = Buffer.alloc(5 * 1024 * 1024);
    await assertRefused({ method: 'POST', body }, 413, 'Request Entity Too Large');
    const fits = Buffer.alloc(4 * 1024 * 1024, 'é');
    const { event, answer } = await exchange('/', { method: 'POST', body: fits });
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(event.body ?? '', 'base64').equals(fits));
  });

  table(
    'more than 10,240 bytes of request line and header values are refused with 431',
    [
      ['a byte below', 0, 200],
      ['a byte above', 1, 431],
    ],
    async (_name, more, status) => {
      const host = 'a.example.com';
      const rest = 'GET / HTTP/1.1'.length + host.length + 'close'.length;
      const long = 'x'.repeat(limits.headBytes - rest + more);
      const { answer } = await exchange('/', { headers: { host, connection: 'close', 'x-long': long } });
      assert.equal(answer.status, status);
    },
  );

  rule('integrations have 30 s and authorizers 10 s', () => {
    assert.deepEqual([limits.integrationMs, limits.authorizerMs], [30_000, 10_000]);
  });

  const tooMany = [429, '{"message":"Too Many Requests"}'];

  rule('requests over the rate and the burst are refused with 429', async () => {
    let nowMs = 0;
    const throttle = { rateLimit: 2, burstLimit: 3 };
    const api = await start([{ key: '$default', invoke: echo }], { throttle, clock: () => nowMs });
    const statuses = async (count: number): Promise<number[]> => {
      const seen: number[] = [];
      for (let one = 0; one < count; one += 1) seen.push((await call(api.url)).status);
      return seen;
    };
    assert.deepEqual(await statuses(4), [200, 200, 200, 429]);
    assert.deepEqual(statusAndText(await call(api.url)), tooMany);
    nowMs = 1_000;
    assert.deepEqual(await statuses(3), [200, 200, 429]);
    nowMs = 3_600_000;
    assert.deepEqual(await statuses(4), [200, 200, 200, 429]);
  });

  rule('a refused request costs no call of a function', async () => {
    let asked = 0;
    const count = inProcess(async () => {
      asked += 1;
      return { isAuthorized: true };
    });
    const authorizer = { invoke: count, identitySource: [], ttlSeconds: 0 };
    const throttle = { rateLimit: 0, burstLimit: 0 };
    const api = await start([{ key: '$default', invoke: count, authorizer }], { throttle });
    assert.deepEqual([statusAndText(await call(api.url)), asked], [tooMany, 0]);
  });

  rule('each route has its own bucket', async () => {
    const throttle = { rateLimit: 0, burstLimit: 1 };
    const routes = ['GET /a', 'GET /b'].map((key) => ({ key, invoke: echo }));
    const { url } = await start(routes, { throttle });
    const statuses = [];
    for (const path of ['/a', '/a', '/b']) statuses.push((await call(url + path)).status);
    assert.deepEqual(statuses, [200, 429, 200]);
  });

  complete();
});
