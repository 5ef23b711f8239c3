import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { authorizerRefusals, createAuthorizer } from '../../functions/authorizer/authorizer.ts';
import { createSourceCheck } from '../../functions/authorizer/source.ts';
import { createEdgeCheck, type EdgeCheck, type EdgeProof } from '../../functions/edge.ts';
import { createForwarder } from '../../functions/forwarder/forwarder.ts';
import { next } from '../../gateway/answer/verdict.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { asAuthorizerEvent, contextWith, httpApiEvent, requestOf, type WireEvent } from './events.ts';
import { listLog, scriptedGateway } from './gateways.ts';

const secret = 'the-secret-of-the-edge-0123456789-0123456789-0123456789-01234567';
const proof: EdgeProof = { matches: async (shown) => shown === secret };
const viewer = '192.0.2.7';
const cloudFront = '203.0.113.200';

/** As API Gateway hands over what CloudFront sent it. */
function edgeEvent(headers: Record<string, string> = {}, sourceIp = cloudFront): WireEvent {
  return httpApiEvent({
    sourceIp,
    headers: {
      host: 'abc123.execute-api.eu-west-1.amazonaws.com',
      'x-postern-edge': secret,
      'x-postern-host': 'hooks.example.com',
      'x-forwarded-for': `${viewer}, ${sourceIp}`,
      'x-key': 'kept',
      ...headers,
    },
  });
}

async function enter(event: unknown, edgeCheck: EdgeCheck = createEdgeCheck(proof)) {
  const { event: passed, reply } = await edgeCheck(requestOf(event));
  return { passed, code: reply?.code, status: reply?.status };
}

test("with the secret, the client's address and the name it asked for take the place of CloudFront's", async () => {
  const { passed } = await enter(edgeEvent());
  assert.equal(passed?.requestContext.http.sourceIp, viewer);
  assert.equal(passed?.requestContext.domainName, 'hooks.example.com');
  assert.deepEqual(passed?.headers, {
    host: 'hooks.example.com',
    'x-forwarded-for': `${viewer}, ${cloudFront}`,
    'x-key': 'kept',
  });
});

test("CloudFront's own headers are removed, also if a client wrote them", async () => {
  const { passed } = await enter(
    edgeEvent({ 'cloudfront-viewer-address': '192.0.2.1:1', 'x-amz-cf-id': 'x', 'x-amz-date': 'y' }),
  );
  const names = Object.keys(passed?.headers ?? {});
  assert.deepEqual(
    names.filter((name) => /cloudfront|amz/.test(name)),
    ['x-amz-date'],
  );
});

test('the event that came in is left as it was', async () => {
  const event = requestOf(edgeEvent());
  const before = { ...event, headers: { ...event.headers } };
  await createEdgeCheck(proof)(event);
  assert.deepEqual({ ...event, headers: { ...event.headers } }, before);
});

const refused: readonly [name: string, event: WireEvent, code: string, status: number][] = [
  [
    'without the header',
    httpApiEvent({ headers: { host: 'h', 'x-forwarded-for': `${viewer}, 192.0.2.7` } }),
    'edge:missing',
    403,
  ],
  ['without any header', httpApiEvent({ headers: null }), 'edge:missing', 403],
  ['with an empty one', edgeEvent({ 'x-postern-edge': '' }), 'edge:missing', 403],
  ['with a wrong one', edgeEvent({ 'x-postern-edge': 'x'.repeat(secret.length) }), 'edge:wrong', 403],
  ['with part of it', edgeEvent({ 'x-postern-edge': secret.slice(0, -1) }), 'edge:wrong', 403],
  [
    'with it repeated, a guess before it',
    edgeEvent({ 'x-postern-edge': `guess,${secret}` }),
    'edge:wrong',
    403,
  ],
  ['with it twice', edgeEvent({ 'x-postern-edge': `${secret},${secret}` }), 'edge:wrong', 403],
];
for (const [name, event, code, status] of refused) {
  test(`a request ${name} did not come through the edge`, async () => {
    assert.deepEqual(await enter(event), { passed: undefined, code, status });
  });
}

const chains: readonly [
  name: string,
  chain: string | undefined,
  sourceIp: string,
  address: string | undefined,
][] = [
  ['what CloudFront appended counts', `${viewer}, ${cloudFront}`, cloudFront, viewer],
  ['what the client wrote before it does not', `198.51.100.1, ${viewer}, ${cloudFront}`, cloudFront, viewer],
  [
    'nor a chain that looks whole',
    `${viewer}, ${cloudFront}, 198.51.100.9, ${cloudFront}`,
    cloudFront,
    '198.51.100.9',
  ],
  ['without spaces too', `${viewer},${cloudFront}`, cloudFront, viewer],
  ['an IPv6 client', `2001:db8::7, ${cloudFront}`, cloudFront, '2001:db8::7'],
  ['a mapped address is the IPv4 one', `::ffff:${viewer}, ${cloudFront}`, cloudFront, viewer],
  ['IPv6 between CloudFront and the API', `${viewer}, 2001:db8:ff::1`, '2001:db8:ff::1', viewer],
  ['no chain', undefined, cloudFront, undefined],
  ['a chain without the connection', viewer, cloudFront, undefined],
  ['a chain of the connection alone', cloudFront, cloudFront, undefined],
  ['a chain that ends in another address', `${viewer}, 203.0.113.201`, cloudFront, undefined],
  ['words for the client', `unknown, ${cloudFront}`, cloudFront, undefined],
  ['an address with a port', `${viewer}:4711, ${cloudFront}`, cloudFront, undefined],
  ['an empty entry', `${viewer}, , ${cloudFront}`, cloudFront, undefined],
];
for (const [name, chain, sourceIp, address] of chains) {
  test(`the client's address: ${name}`, async () => {
    const { headers, ...event } = edgeEvent({}, sourceIp);
    const { 'x-forwarded-for': _sent, ...others } = headers ?? {};
    const sent = chain === undefined ? others : { ...others, 'x-forwarded-for': chain };
    const { passed, code } = await enter({ ...event, headers: sent });
    assert.equal(passed?.requestContext.http.sourceIp, address);
    assert.equal(code, address === undefined ? 'edge:address' : undefined);
  });
}

test('without a name from the edge the name stays that of the API', async () => {
  const { headers, ...event } = edgeEvent();
  const { 'x-postern-host': _host, ...rest } = headers ?? {};
  const { passed } = await enter({ ...event, headers: rest });
  assert.equal(passed?.headers?.host, 'abc123.execute-api.eu-west-1.amazonaws.com');
  assert.equal(passed?.requestContext.domainName, 'api.example.com');
});

test('a secret that cannot be read refuses, and says why in the log alone', async () => {
  const unreadable = createEdgeCheck({
    matches: () => Promise.reject(new Error('the secret may not be read')),
  });
  const { reply } = await unreadable(requestOf(edgeEvent()));
  assert.deepEqual(
    [reply?.code, reply?.status, reply?.detail, reply?.title.includes('may not')],
    ['edge:unreadable', 503, 'the secret may not be read', false],
  );
});

test('no refusal repeats what was shown', async () => {
  for (const [, event] of refused) {
    const { reply } = await createEdgeCheck(proof)(requestOf(event));
    assert.equal(JSON.stringify(reply).includes(secret.slice(0, 20)), false);
  }
});

const authorizerOf = (ranges: readonly string[], log = listLog().log) =>
  createAuthorizer({
    edgeCheck: createEdgeCheck(proof),
    checks: [createSourceCheck(ranges)],
    log,
    clock: systemClock,
  });

test("the authorizer admits by the client's address and never by CloudFront's", async () => {
  const byViewer = await authorizerOf([`${viewer}/32`])(asAuthorizerEvent(edgeEvent()), contextWith(5_000));
  assert.deepEqual(byViewer, { isAuthorized: true, context: { source: viewer } });
  const byCloudFront = await authorizerOf([`${cloudFront}/32`])(
    asAuthorizerEvent(edgeEvent()),
    contextWith(5_000),
  );
  assert.deepEqual(byCloudFront, {
    isAuthorized: false,
    context: { code: 'authorizer:source', source: viewer },
  });
});

test('an address that is admitted gets nowhere without the secret, whatever it claims', async () => {
  const { log, lines } = listLog();
  const direct = edgeEvent({ 'x-postern-edge': 'guess' }, viewer);
  const answer = await authorizerOf(['0.0.0.0/0', '::/0'], log)(
    asAuthorizerEvent(direct),
    contextWith(5_000),
  );
  assert.deepEqual(answer, { isAuthorized: false, context: { code: 'edge:wrong' } });
  assert.equal(lines[0]?.fields.source, viewer);
});

test('nothing configured refuses behind the edge too, and a secret that never comes does in time', async () => {
  const { log } = listLog();
  const edgeCheck = createEdgeCheck(proof);
  const nothing = createAuthorizer({ edgeCheck, checks: [], log, clock: systemClock });
  assert.equal(
    (await nothing(asAuthorizerEvent(edgeEvent()), contextWith(5_000))).context?.code,
    authorizerRefusals.misconfigured().code,
  );
  const clock = new VirtualClock();
  const waiting = createAuthorizer({
    edgeCheck: createEdgeCheck({ matches: () => new Promise(() => {}) }),
    checks: [() => undefined],
    log,
    clock,
  });
  const decided = waiting(asAuthorizerEvent(edgeEvent()), contextWith(300, clock));
  assert.equal((await clock.run(decided)).context?.code, 'authorizer:timeout');
  assert.equal(clock.monotonic(), 50);
});

test("the forwarder's gateway sees the client's address, the name it asked for, and no secret", async () => {
  const seen: unknown[] = [];
  const { gateway } = scriptedGateway(
    (receiver) => {
      receiver.head(204, []);
      receiver.end();
    },
    [
      (exchange) => {
        const { clientIp, host } = exchange.head;
        seen.push({ clientIp, host, secret: exchange.header('x-postern-edge') });
        return next;
      },
    ],
  );
  const forwarder = createForwarder({
    edgeCheck: Promise.resolve(createEdgeCheck(proof)),
    gateway: async () => gateway,
    clock: systemClock,
    log: listLog().log,
  });
  const answer = await forwarder(edgeEvent(), contextWith(5_000));
  assert.equal(answer.statusCode, 204);
  assert.deepEqual(seen, [{ clientIp: viewer, host: 'hooks.example.com', secret: undefined }]);
});

test('the forwarder believes no authorizer: without the secret it answers 403 and asks no gateway', async () => {
  const { log, lines } = listLog();
  let asked = 0;
  const forwarder = createForwarder({
    edgeCheck: Promise.resolve(createEdgeCheck(proof)),
    gateway: async () => {
      asked += 1;
      return undefined;
    },
    clock: systemClock,
    log,
  });
  const answer = await forwarder(edgeEvent({ 'x-postern-edge': 'guess' }), contextWith(5_000));
  const problem = JSON.parse(Buffer.from(answer.body, 'base64').toString());
  assert.deepEqual([answer.statusCode, problem.code, asked], [403, 'edge:wrong', 0]);
  assert.deepEqual(
    lines.map(({ level, event, fields }) => [level, event, fields.status, fields.code, fields.detail]),
    [['warn', 'request', 403, 'edge:wrong', `from ${cloudFront}`]],
  );
});
