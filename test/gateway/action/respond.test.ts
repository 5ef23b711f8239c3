import assert from 'node:assert/strict';
import test from 'node:test';
import { InvalidConfiguration, loadGateway } from '../../../gateway/index.ts';
import { type Collected, request, send } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';

async function load(route: object) {
  const { gateway } = await loadGateway(
    {
      file: 'test.json',
      text: JSON.stringify({ routes: { a: { match: { path: '/*' }, ...route } } }),
    },
    testPorts(),
  );
  return gateway;
}

async function answered(route: object, asked: Parameters<typeof request>[0] = {}): Promise<Collected> {
  const gateway = await load({ open: true, ...route });
  const collected = await send(gateway, request(asked));
  await gateway.close();
  return collected;
}

async function problemsOf(route: object): Promise<string> {
  try {
    await load(route);
    return '';
  } catch (error) {
    assert.ok(error instanceof InvalidConfiguration);
    return error.message;
  }
}

const headerOf = ({ headers }: Collected, name: string) =>
  headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name).join('|') || undefined;

test('a route answers by itself: status, headers and body as they are configured', async () => {
  const headers = { 'Cache-Control': 'max-age=60', 'set-cookie': ['a=1', 'b=2'] };
  const got = await answered({ answer: { status: 203, headers, body: 'héllo\n' } });
  assert.deepEqual([got.status, got.body], [203, 'héllo\n']);
  assert.equal(headerOf(got, 'cache-control'), 'max-age=60');
  assert.equal(headerOf(got, 'set-cookie'), 'a=1|b=2');
  assert.equal(headerOf(got, 'content-type'), 'text/plain; charset=utf-8');
  assert.equal(headerOf(got, 'content-length'), '7');
  assert.match(headerOf(got, 'x-request-id') ?? '', /./);
});

test('an answer without a body says so, and a redirect is its status and its location', async () => {
  const got = await answered({ answer: { status: 308, headers: { location: 'https://example.com/new' } } });
  assert.deepEqual([got.status, got.body, headerOf(got, 'location')], [308, '', 'https://example.com/new']);
  assert.deepEqual([headerOf(got, 'content-length'), headerOf(got, 'content-type')], ['0', undefined]);
  const none = await answered({ answer: { status: 204 } });
  assert.deepEqual([none.status, headerOf(none, 'content-length')], [204, undefined]);
});

test('HEAD gets the head of the answer alone', async () => {
  const got = await answered({ answer: { status: 200, body: 'hello' } }, { method: 'HEAD' });
  assert.deepEqual([got.status, got.body, headerOf(got, 'content-length')], [200, '', '5']);
});

test('the same answer is given again and again, whatever becomes of one of them', async () => {
  const gateway = await load({ open: true, answer: { status: 200, headers: { a: 'b' }, body: 'x' } });
  const first = await send(gateway, request());
  const second = await send(gateway, request());
  await gateway.close();
  const without = ({ headers }: Collected) =>
    headers.filter((_, at) => headers[at - (at % 2)] !== 'x-request-id');
  assert.deepEqual([second.status, second.body, without(second)], [first.status, first.body, without(first)]);
});

test('its plugins decide before it answers', async () => {
  const plugins = { 'source-ip': { allow: ['192.0.2.0/24'] } };
  const route = { open: false, plugins, answer: { status: 200, body: 'in' } };
  assert.equal((await answered(route)).body, 'in');
  assert.equal((await answered(route, { clientIp: '198.51.100.1' })).status, 403);
});

const wrong: readonly (readonly [what: string, route: object, message: RegExp])[] = [
  ['neither service nor answer', {}, /the route does nothing; name its service, or give its answer/],
  ['both', { service: 'b', answer: { status: 200 } }, /the route also has a service/],
  ['a body with 204', { answer: { status: 204, body: 'x' } }, /an answer with status 204 cannot have a body/],
  [
    'a header of the connection',
    { answer: { status: 200, headers: { Connection: 'close' } } },
    /the header Connection is set by the gateway only/,
  ],
  [
    'its own length',
    { answer: { status: 200, headers: { 'content-length': '1' } } },
    /content-length is set by the gateway only/,
  ],
  [
    'a header with a line break',
    { answer: { status: 200, headers: { a: 'b\nc' } } },
    /the value of the header a is malformed/,
  ],
  [
    'a malformed name',
    { answer: { status: 200, headers: { 'a b': 'c' } } },
    /the name of a header is malformed/,
  ],
  [
    'a header in two spellings',
    { answer: { status: 200, headers: { Location: '/a', location: '/b' } } },
    /the header location is there twice; give its values as one list/,
  ],
  ['an interim status', { answer: { status: 103 } }, /answer\.status/],
  [
    'what is for targets',
    { answer: { status: 200 }, respond: 'none' },
    /respond: it applies to routes with a service/,
  ],
  ['no guard', { open: false, answer: { status: 200 } }, /no plugin guards this route/],
];
for (const [what, route, message] of wrong) {
  test(`an answer that cannot be given is an error when loaded: ${what}`, async () =>
    assert.match(await problemsOf({ open: true, ...route }), message));
}
