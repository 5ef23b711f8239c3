import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createLog } from '../../../base/log.ts';
import { createIssuerApi } from '../../../functions/rotation/api.ts';
import type { RotationError } from '../../../functions/rotation/errors.ts';
import { createHeadscale } from '../../../functions/rotation/headscale.ts';
import { createTailscale } from '../../../functions/rotation/tailscale.ts';
import {
  type ApiRequest,
  problem,
  TailscaleApi,
  type TailscaleApiOptions,
  type Trouble,
} from '../../support/tailscale-api.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

// The issuers against Tailscale's API over real connections.

const wanted = { tags: ['tag:postern'], lifetimeMs: 3_600_000, description: 'postern rotation 1' };
const closing: (() => Promise<void>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

interface Opened {
  readonly api: TailscaleApi;
  readonly issuer: ReturnType<typeof createTailscale>;
  readonly clock: VirtualClock;
  readonly lines: string[];
}

async function open(
  options: TailscaleApiOptions & { remainingMs?: number; origin?: string; skewMs?: number } = {},
): Promise<Opened> {
  const { skewMs = 0, remainingMs = 60_000 } = options;
  const clock = new VirtualClock();
  const api = new TailscaleApi({ ...options, now: () => clock.now() + skewMs });
  const origin = options.origin ?? (await api.listen());
  if (options.origin === undefined) closing.push(() => api.close());
  const lines: string[] = [];
  const budget = { remainingMs: () => remainingMs - clock.monotonic() };
  const log = createLog((line) => lines.push(line));
  const client = createIssuerApi({ origin, budget, log, clock });
  const { id: clientId, secret: clientSecret } = api.client;
  const issuer =
    options.apiKey === undefined
      ? createTailscale(client, { kind: 'oauth', clientId, clientSecret })
      : createHeadscale(client, { kind: 'api-key', apiKey: options.apiKey });
  return { api, issuer, clock, lines };
}

function once(
  trouble: Trouble,
  where: (request: ApiRequest) => boolean,
): (request: ApiRequest) => Trouble | undefined {
  let done = false;
  return (request) => {
    if (done || !where(request)) return undefined;
    done = true;
    return trouble;
  };
}

const isMaking = ({ method, path }: ApiRequest) => method === 'POST' && path.endsWith('/keys');

for (const [name, options] of [
  ['Tailscale with an OAuth client', {}],
  ['Headscale 0.30 with an API key', { apiKey: 'abcdefg.headscale-api-key' }],
] as const) {
  test(`${name}: a key is made, seen, revoked, and revoking it again is not an error`, async () => {
    const { api, issuer } = await open(options);
    const made = await issuer.create(wanted);
    assert.equal(made.key, api.keys[0]?.key);
    assert.ok(made.expiresMs - made.createdMs === 3_600_000);
    const flags = { reusable: true, ephemeral: true, preApproved: true };
    assert.deepEqual(await issuer.inspect(made.id), { live: true, tags: ['tag:postern'], ...flags });
    await issuer.revoke(made.id);
    assert.equal((await issuer.inspect(made.id))?.live, false);
    api.forgets = true;
    assert.equal(await issuer.inspect(made.id), undefined);
    await issuer.revoke(made.id);
    await issuer.revoke('kUnknownCNTRL');
  });
}

test('one token serves all requests of a call', async () => {
  const { api, issuer } = await open();
  const { id } = await issuer.create(wanted);
  await Promise.all([issuer.inspect(id), issuer.inspect(id)]);
  assert.equal(api.requests.filter(({ path }) => path.endsWith('/token')).length, 1);
});

const told: [name: string, options: TailscaleApiOptions, trouble: Trouble | undefined, message: RegExp][] = [
  [
    'a scope that is missing',
    { scopes: ['devices:core'] },
    undefined,
    /^rotation:forbidden: .*enough permissions.*scope auth_keys/,
  ],
  [
    'tags that are not its own',
    { tags: ['tag:else'] },
    undefined,
    /^rotation:refused: .*tag:postern.* not permitted/,
  ],
  [
    'a token that was revoked',
    {},
    problem(401, 'API token invalid'),
    /^rotation:unauthorized: .*API token invalid/,
  ],
  ['a key without an id', {}, { status: 200, json: { key: 'tskey-auth-x-y' } }, /^rotation:unexpected/],
  ['a page of a proxy', {}, { status: 200, text: '<html>' }, /^rotation:unexpected/],
  [
    'a redirect',
    {},
    { status: 302, text: '', headers: { location: 'http://127.0.0.1:1/' } },
    /^rotation:unreachable/,
  ],
  [
    'an answer without an end',
    {},
    { status: 200, text: 'x'.repeat(5_000_000) },
    /^rotation:unreachable: .*longer than/,
  ],
  [
    'an error of the server',
    {},
    problem(502, 'bad gateway'),
    /^rotation:unreachable: .*502.*whether a key was made is unknown/,
  ],
  ['a connection that was cut', {}, 'lost', /^rotation:unreachable: .*whether a key was made is unknown/],
];
for (const [name, options, trouble, message] of told) {
  test(`${name} is told in words that say what to do, and no key is made twice`, async () => {
    const { api, issuer } = await open(options);
    api.trouble = (request) => (isMaking(request) ? trouble : undefined);
    await assert.rejects(issuer.create(wanted), { name: 'RotationError', message });
    assert.equal(api.requests.filter(isMaking).length, 1);
  });
}

test('reading is repeated after an error of the server and after a connection that was cut', async () => {
  for (const trouble of [problem(503, 'later'), 'cut'] as const) {
    const { api, issuer, clock } = await open();
    const { id } = await issuer.create(wanted);
    api.trouble = once(trouble, ({ method }) => method === 'GET');
    assert.equal((await clock.run(issuer.inspect(id)))?.live, true);
    assert.equal(clock.monotonic(), 500);
  }
});

test('a server that is not there is tried three times, even for making a key', async () => {
  const passing = new TailscaleApi();
  const origin = await passing.listen();
  await passing.close();
  const { issuer, clock } = await open({ origin });
  const message = /^rotation:unreachable: .*ECONNREFUSED [^;]*$/;
  await assert.rejects(clock.run(issuer.create(wanted)), { message });
  assert.equal(clock.monotonic(), 500 + 2_000);
});

const retryAfter: [header: string, waits: number][] = [
  ['7', 7_000],
  [new Date(new VirtualClock().now() + 86_400_000).toUTCString(), -1],
  ['90000', -1],
];
for (const [header, waits] of retryAfter) {
  test(`429 with Retry-After ${waits > 0 ? 'within the time of the function is waited out' : 'beyond it says until when'}: ${header.slice(0, 3)}`, async () => {
    const { api, issuer, clock } = await open();
    api.trouble = once({ ...problem(429, 'slow down'), headers: { 'retry-after': header } }, isMaking);
    const making = clock.run(issuer.create(wanted));
    if (waits > 0) {
      await making;
      assert.equal(clock.monotonic(), waits);
      assert.equal(api.live.length, 1);
      return;
    }
    await assert.rejects(making, (error: RotationError) => {
      const [, until = ''] = /wait until (\S+Z)/.exec(error.message) ?? [];
      assert.ok(Date.parse(until) - clock.now() > 80_000_000, error.message);
      return error.code === 'rotation:rate-limited';
    });
    assert.equal(clock.monotonic(), 0);
  });
}

test('without time nothing is begun', async () => {
  const { api, issuer } = await open({ remainingMs: 4_000 });
  await assert.rejects(issuer.create(wanted), { message: /the time of the function is up/ });
  assert.equal(api.requests.length, 0);
});

test('a clock that is off is told once, and the key counts by the clock of the server', async () => {
  const { issuer, lines, clock } = await open({ skewMs: -7_200_000 });
  const made = await issuer.create({ ...wanted, lifetimeMs: 3_600_000 });
  assert.ok(made.expiresMs < clock.now());
  assert.equal((await issuer.inspect(made.id))?.live, true);
  assert.equal(lines.filter((line) => line.includes('rotation:clock-skew')).length, 1);
});

test('a request without an answer ends in time', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { issuer, clock } = await open({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    remainingMs: 5_200,
  });
  const message = /^rotation:unreachable: .*no answer within 200 ms/;
  await assert.rejects(clock.run(issuer.create(wanted)), { message });
  assert.equal(clock.monotonic(), 200);
});

test('every request is one that the documentation has, and credentials go to the token alone', async () => {
  const { api, issuer } = await open();
  await issuer.create(wanted);
  const [tokenRequest, ...others] = api.requests;
  assert.match(
    tokenRequest?.body ?? '',
    /^grant_type=client_credentials&client_id=kClientCNTRL&client_secret=/,
  );
  assert.ok(others.length > 0);
  for (const { body, authorization } of others) {
    assert.equal(body.includes(api.client.secret), false);
    assert.match(authorization, /^Bearer tskey-api-/);
  }
});
