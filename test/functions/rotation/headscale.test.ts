import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import type { Call, CallAnswer, call } from '../../../base/http/call.ts';
import { createLog } from '../../../base/log.ts';
import { createIssuerApi } from '../../../functions/rotation/api.ts';
import type { Credentials } from '../../../functions/rotation/credentials.ts';
import { createHeadscale } from '../../../functions/rotation/headscale.ts';
import type { Issuer } from '../../../functions/rotation/issuer.ts';
import { TailscaleApi } from '../../support/tailscale-api.ts';

// Which API a Headscale speaks, and its own one (proto/headscale/v1/preauthkey.proto, as 0.29 answers). The laboratory runs the real one.

const apiKey = 'abcdefg.headscale-api-key';
const wanted = { tags: ['tag:postern'], lifetimeMs: 3_600_000, description: 'postern rotation 1' };

function issuerOn(send: typeof call, credentials: Credentials = { kind: 'api-key', apiKey }): Issuer {
  const budget = { remainingMs: () => 60_000 };
  const log = createLog(() => {});
  const origin = 'https://headscale.example.com';
  return createHeadscale(createIssuerApi({ origin, budget, log, clock: systemClock, send }), credentials);
}

/** Headscale 0.29: /api/v1 through its gRPC gateway, which writes 64-bit numbers as text; nothing below /api/v2. */
function oldHeadscale(nowMs: () => number): { send: typeof call; calls: string[] } {
  const keys: { id: string; expiration: string }[] = [];
  const calls: string[] = [];
  const answer = (status: number, body: unknown) => ({
    status,
    headers: { date: new Date(nowMs()).toUTCString() },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  async function send({ method, path, headers, body }: Call): Promise<CallAnswer> {
    const asked = `${method} ${path}`;
    calls.push(asked);
    if (path.startsWith('/api/v2')) return answer(404, '404 page not found\n');
    if (headers?.authorization !== `Bearer ${apiKey}`) return answer(401, 'Unauthorized');
    const json = body === undefined ? {} : (JSON.parse(body) as Record<string, unknown>);
    if (asked === 'GET /api/v1/preauthkey') {
      const flags = {
        key: 'hskey-auth-prefix-***',
        reusable: true,
        ephemeral: true,
        aclTags: ['tag:postern'],
      };
      return answer(200, { preAuthKeys: keys.map((key) => ({ ...flags, ...key })) });
    }
    if (asked === 'POST /api/v1/preauthkey') {
      const id = String(keys.length + 1);
      keys.push({ id, expiration: String(json.expiration) });
      const preAuthKey = { id, key: `hskey-auth-prefix-${id}`, expiration: json.expiration };
      return answer(200, { preAuthKey: { ...preAuthKey, createdAt: new Date(nowMs()).toISOString() } });
    }
    if (asked === 'POST /api/v1/preauthkey/expire') {
      const key = keys.find(({ id }) => id === json.id);
      if (key !== undefined) key.expiration = new Date(nowMs()).toISOString();
      return answer(200, {});
    }
    return answer(404, 'Not Found');
  }
  return { send, calls };
}

test('an older Headscale is spoken to by its own API, by its own clock', async () => {
  const skewMs = -3 * 3_600_000;
  const server = oldHeadscale(() => Date.now() + skewMs);
  const issuer = issuerOn(server.send);
  const made = await issuer.create(wanted);
  assert.ok(Math.abs(made.expiresMs - (Date.now() + skewMs + wanted.lifetimeMs)) < 3_000);
  assert.equal((await issuer.inspect(made.id))?.live, true);
  assert.equal(await issuer.inspect('99'), undefined);
  await issuer.revoke(made.id);
  assert.equal((await issuer.inspect(made.id))?.live, false);
  await issuer.revoke(made.id);
  assert.equal(
    server.calls.filter((call) => call.includes('/api/v2')).length,
    1,
    'it is asked once which API it speaks',
  );
});

test('a newer Headscale is spoken to as Tailscale', async () => {
  const api = new TailscaleApi({ apiKey });
  const issuer = issuerOn(api.send);
  const { id } = await issuer.create(wanted);
  await issuer.revoke(id);
  assert.deepEqual(
    api.requests.map(({ method, path }) => `${method} ${path}`),
    ['GET /api/v2/tailnet/-/keys/0', 'POST /api/v2/tailnet/-/keys', `DELETE /api/v2/tailnet/-/keys/${id}`],
  );
});

test('a newer Headscale with an OAuth client is not asked which API it speaks', async () => {
  const api = new TailscaleApi();
  const { id: clientId, secret: clientSecret } = api.client;
  await issuerOn(api.send, { kind: 'oauth', clientId, clientSecret }).create(wanted);
  assert.equal(api.requests[0]?.path, '/api/v2/oauth/token');
  assert.equal(api.live.length, 1);
});
