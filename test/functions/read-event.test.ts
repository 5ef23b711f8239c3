import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../base/clock.ts';
import { createAuthorizer } from '../../functions/authorizer/authorizer.ts';
import { createPolicyCheck } from '../../functions/authorizer/decide.ts';
import { createSourceCheck } from '../../functions/authorizer/source.ts';
import { createEdgeCheck } from '../../functions/edge.ts';
import { createForwarder } from '../../functions/forwarder/forwarder.ts';
import { takeEvent, WrongEvent } from '../../functions/read-event.ts';
import { declaredBytes, incomingRequest } from '../../functions/request.ts';
import { BytesBody } from '../../gateway/request/body.ts';
import { asAuthorizerEvent, contextWith, httpApiEvent, requestOf } from './events.ts';
import { foreignEvents, swapped } from './foreign-events.ts';
import { listLog, scriptedGateway } from './gateways.ts';

const secret = 'the-secret-of-the-edge-0123456789-0123456789-0123456789-01234567';
const edgeCheck = createEdgeCheck({ matches: async (shown) => shown === secret });

/** Both functions, open to all addresses, in front of a target that answers 204. */
function functions(behindEdge: boolean) {
  const { gateway, calls } = scriptedGateway((receiver) => {
    receiver.head(204, []);
    receiver.end();
  });
  const { log, lines } = listLog();
  const checks = [
    createSourceCheck(['0.0.0.0/0', '::/0']),
    createPolicyCheck({ get: async () => gateway, problems: [] }),
  ];
  const forwarder = createForwarder({
    ...(behindEdge && { edgeCheck: Promise.resolve(edgeCheck) }),
    gateway: async () => gateway,
    clock: systemClock,
    log,
  });
  const authorizer = createAuthorizer({
    ...(behindEdge && { edgeCheck }),
    checks,
    log,
    clock: systemClock,
  });
  return { forwarder, authorizer, calls, lines };
}

function codeOf(body: string): unknown {
  return JSON.parse(Buffer.from(body, 'base64').toString()).code;
}

for (const [kind, event] of [...foreignEvents, swapped.forwarder]) {
  test(`the forwarder names an event of another kind: ${kind}, ${JSON.stringify(event)?.slice(0, 60)}`, async () => {
    const { forwarder, calls } = functions(false);
    await assert.rejects(forwarder(event, contextWith(5_000)), (error: Error) => {
      assert.ok(error instanceof WrongEvent);
      assert.equal(
        error.message,
        `the event is ${kind}; the forwarder takes requests of an HTTP API: set the integration's payloadFormatVersion to 2.0`,
      );
      return true;
    });
    assert.equal(calls.length, 0);
  });
}

for (const [kind, event] of [...foreignEvents, swapped.authorizer]) {
  test(`the authorizer refuses and names an event of another kind: ${kind}, ${JSON.stringify(event)?.slice(0, 60)}`, async () => {
    const { authorizer, lines } = functions(false);
    const answer = await authorizer(event, contextWith(5_000));
    assert.deepEqual(answer, { isAuthorized: false, context: { code: 'authorizer:event' } });
    assert.ok(String(lines[0]?.fields.detail).startsWith(`the event is ${kind}; the authorizer takes `));
  });
}

const spellings = ['host', 'Host', 'HOST', 'hOST'];
for (const name of spellings) {
  test(`the name of a header is read in any case: ${name}`, async () => {
    // SAM local and AWS's own examples write names in capitals; API Gateway itself writes them small.
    const event = httpApiEvent({
      headers: { [name]: 'hooks.example.com', 'X-GitHub-Event': 'push', 'Content-Length': '7' },
      requestContext: { domainName: 'localhost' },
    });
    const request = requestOf(event);
    assert.deepEqual(incomingRequest(request, new BytesBody(request.body), 0).headers, [
      ...['host', 'hooks.example.com', 'x-github-event', 'push', 'content-length', '7'],
    ]);
    assert.equal(declaredBytes(request), 7);
    const { forwarder, authorizer } = functions(false);
    assert.equal((await forwarder(event, contextWith(5_000))).statusCode, 204);
    assert.equal((await authorizer(asAuthorizerEvent(event), contextWith(5_000))).isAuthorized, true);
  });
}

test("the edge's headers are read in any case, and taken off in any", async () => {
  const { forwarder, calls } = functions(true);
  const headers = {
    Host: 'abc123.execute-api.eu-west-1.amazonaws.com',
    'X-Postern-Edge': secret,
    'X-Postern-Host': 'hooks.example.com',
    'X-Forwarded-For': '198.51.100.1, 192.0.2.7',
    'CloudFront-Viewer-Country': 'DE',
    Cookie: 'a=1',
  };
  const answer = await forwarder(httpApiEvent({ headers, cookies: ['a=1'] }), contextWith(5_000));
  assert.equal(answer.statusCode, 204);
  const sent = calls[0]?.headers('target.example.com') ?? [];
  assert.equal(sent.filter((text) => /edge|cloudfront/i.test(text)).length, 0);
  assert.deepEqual(sent[sent.indexOf('x-forwarded-for') + 1], '198.51.100.1');
  assert.equal(sent.filter((text) => text === 'cookie').length, 1);
});

const odd: readonly (readonly [name: string, differs: Record<string, unknown>, detail: RegExp])[] = [
  ['a header that is a list', { headers: { host: ['a', 'b'] } }, /header "host" is a list/],
  [
    'a header that is a number',
    { headers: { host: 'h', 'X-Postern-Edge': 7 } },
    /"x-postern-edge" is a number/,
  ],
  ['a header that is an object', { headers: { 'X-Forwarded-For': {} } }, /"x-forwarded-for" is an object/],
  ['a header that is null', { headers: { 'x-postern-edge': null } }, /"x-postern-edge" is null/],
  ['a header in two spellings', { headers: { Host: 'a', host: 'a' } }, /"host" is there in two spellings/],
  [
    'a trusted header in two spellings',
    { headers: { 'X-Forwarded-For': 'a', 'x-forwarded-for': 'b' } },
    /"x-forwarded-for" is there in two spellings/,
  ],
  ['headers that are a list', { headers: [] }, /headers is a list/],
  ['headers that are a text', { headers: 'host: h' }, /headers is a string/],
  ['cookies that are a text', { cookies: 'a=1' }, /cookies is a string/],
  ['cookies that are numbers', { cookies: [1] }, /cookies is a list with other things than texts/],
  ['a body that is a number', { body: 7 }, /body is a number/],
  ['a body that is an object', { body: { a: 1 } }, /body is an object/],
  ['isBase64Encoded as a text', { body: 'YQ==', isBase64Encoded: 'true' }, /isBase64Encoded is a string/],
  ...['YQ', 'YQ=', 'Y=Q=', 'YQ== ', 'Y Q==', 'YQ==YQ==', '*Q==', '====', 'é=='].map(
    (body) =>
      [`the body ${JSON.stringify(body)} as base64`, { body, isBase64Encoded: true }, /not base64/] as const,
  ),
];
for (const [name, differs, detail] of odd) {
  for (const behindEdge of [false, true]) {
    test(`${name} ${behindEdge ? 'behind the edge ' : ''}is one refusal with its reason`, async () => {
      const { forwarder, authorizer, calls, lines } = functions(behindEdge);
      const event = { ...httpApiEvent({ method: 'POST' }), ...differs };
      const answer = await forwarder(event, contextWith(5_000));
      assert.deepEqual([answer.statusCode, codeOf(answer.body)], [400, 'event:malformed']);
      assert.equal(lines.length, 1);
      assert.match(String(lines[0]?.fields.detail), detail);
      assert.equal(calls.length, 0);
      // An authorizer is given no body.
      if ('body' in differs) return;
      const decision = await authorizer(asAuthorizerEvent(event as never), contextWith(5_000));
      assert.deepEqual(decision, { isAuthorized: false, context: { code: 'event:malformed' } });
      assert.match(String(lines[1]?.fields.detail), detail);
    });
  }
}

test('no refusal of an event repeats what a header held', async () => {
  const { forwarder, lines } = functions(true);
  await forwarder({ ...httpApiEvent(), headers: { 'x-postern-edge': [secret] } }, contextWith(5_000));
  assert.equal(JSON.stringify(lines).includes(secret.slice(0, 20)), false);
});

test('any bytes come through base64, and any length of them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const body = Buffer.from(bytes).toString('base64');
      assert.deepEqual(
        new Uint8Array(requestOf(httpApiEvent({ body, isBase64Encoded: true })).body),
        new Uint8Array(bytes),
      );
    }),
  );
});

/** Events of any shape, half of them those of an HTTP API with some fields replaced, so that they come far. */
const anything = fc.jsonValue({ maxDepth: 3 });
const almost = fc
  .record(
    {
      rawPath: fc.oneof(fc.webPath(), fc.string({ unit: 'binary' }), anything),
      rawQueryString: fc.oneof(fc.webQueryParameters(), anything),
      headers: fc.oneof(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.string({ unit: 'binary' }), anything)),
        anything,
      ),
      cookies: fc.oneof(fc.array(fc.string()), anything),
      body: fc.oneof(fc.string(), fc.base64String(), anything),
      isBase64Encoded: fc.oneof(fc.boolean(), anything),
      type: fc.constantFrom('REQUEST', undefined),
    },
    { requiredKeys: [] },
  )
  .chain((differs) =>
    fc
      .oneof(
        fc.constant({}),
        fc.record(
          {
            domainName: anything,
            http: fc.oneof(fc.record({ method: fc.string(), sourceIp: fc.string() }), anything),
            authentication: fc.oneof(fc.record({ clientCert: anything }), anything),
            stage: fc.oneof(fc.string(), anything),
            requestId: fc.oneof(fc.string(), anything),
          },
          { requiredKeys: [] },
        ),
        anything,
      )
      .map((context) => {
        const event = httpApiEvent();
        const requestContext =
          typeof context === 'object' && context !== null ? { ...event.requestContext, ...context } : context;
        return { ...event, ...differs, requestContext };
      }),
  );

for (const behindEdge of [false, true]) {
  test(`whatever JSON comes ${behindEdge ? 'behind the edge ' : ''}is answered, or is one clear error`, async () => {
    const { forwarder, authorizer, lines } = functions(behindEdge);
    await fc.assert(
      fc.asyncProperty(fc.oneof(anything, almost), async (event) => {
        const answer = await forwarder(event, contextWith(5_000)).catch((error: unknown) => {
          assert.ok(error instanceof WrongEvent, String((error as Error).stack));
          return undefined;
        });
        if (answer !== undefined) {
          assert.ok(Number.isInteger(answer.statusCode));
          if (answer.statusCode >= 400) assert.notEqual(codeOf(answer.body), 'gateway:error');
        }
        const decision = await authorizer(event, contextWith(5_000));
        assert.equal(typeof decision.isAuthorized, 'boolean');
        assert.notEqual(decision.context?.code, 'authorizer:error', JSON.stringify(lines.at(-1)));
      }),
      { numRuns: 1_000 },
    );
  });
}

test('an event is told apart without looking at its values', () => {
  const event = JSON.parse('{"__proto__":{"version":"2.0"},"requestContext":{"http":null}}');
  assert.equal(takeEvent(event, 'forwarder'), undefined);
});

for (const behindEdge of [false, true]) {
  test(`no request makes a line of a function's log long: ${behindEdge ? 'behind the edge' : 'without it'}`, async () => {
    const { forwarder, authorizer, lines } = functions(behindEdge);
    const long = '\u0001'.repeat(10_000);
    const proven = { host: 'a', 'x-postern-edge': secret };
    const events = [
      // A control character in a log is six; the client needs three to send it.
      httpApiEvent({ rawPath: `/${long}` }),
      httpApiEvent({
        rawPath: `/hooks/${long}`,
        headers: { ...proven, 'x-forwarded-for': '192.0.2.1, 192.0.2.7' },
      }),
      httpApiEvent({ method: long, headers: { ...proven, 'x-forwarded-for': long } }),
      httpApiEvent({ headers: { [long]: 'a', [`${long}A`]: 'b', [`${long}a`]: 'c' } }),
    ];
    for (const event of events) {
      await authorizer(asAuthorizerEvent(event), contextWith(5_000));
      await forwarder(event, contextWith(5_000));
    }
    assert.ok(lines.length >= events.length, `${lines.length} lines`);
    for (const line of lines)
      assert.ok(JSON.stringify(line).length < 8_192, JSON.stringify(line).slice(0, 100));
  });
}

test('the authorizer logs a path as the forwarder does: without the stage, percent-encoded', async () => {
  const { authorizer, lines } = functions(true);
  const event = httpApiEvent({ rawPath: '/prod/a b/\u00fc', requestContext: { stage: 'prod' } });
  await authorizer(asAuthorizerEvent(event), contextWith(5_000));
  assert.equal(lines[0]?.fields.path, '/a%20b/%C3%BC');
});
