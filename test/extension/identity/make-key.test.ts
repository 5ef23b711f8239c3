import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { redact } from '../../../base/redact.ts';
import { makeKey } from '../../../extension/identity/make-key.ts';
import { selfSigned } from '../../gateway/upstream/fixtures/certificate.ts';
import { type ApiTrouble, type FederatedIdentity, FederationApi } from '../../support/federation-api.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { type StsTrouble, WebIdentity } from '../../support/web-identity.ts';

interface Federation {
  readonly sts: WebIdentity;
  readonly api: FederationApi;
  /** Makes a key as a function does whose settings fit, or differ as told; fails when that takes longer than it may. */
  make(withinMs?: number, settings?: Settings): Promise<string>;
}

interface Settings {
  readonly clientId?: string;
  readonly audience?: string;
  readonly apiUrl?: string;
  readonly tags?: readonly string[];
  readonly hostname?: string;
  readonly env?: Record<string, string>;
  readonly extraCas?: string;
}

async function federation(
  t: TestContext,
  identity: Partial<FederatedIdentity> = {},
  tls?: { readonly key: string; readonly cert: string },
): Promise<Federation> {
  const sts = await new WebIdentity().start();
  const api = await new FederationApi({ sts, identity, ...(tls && { tls }) }).start();
  t.after(() => {
    sts.close();
    api.close();
  });
  const clock = new VirtualClock();
  const make: Federation['make'] = async (withinMs = 3_000, settings = {}) => {
    const endMs = clock.monotonic() + withinMs;
    const made = makeKey(
      {
        identity: {
          clientId: settings.clientId ?? api.identity.clientId,
          audience: settings.audience ?? api.identity.audience,
          apiUrl: settings.apiUrl ?? api.url,
        },
        tags: settings.tags ?? ['tag:postern'],
        hostname: settings.hostname ?? 'forwarder',
        env: {
          AWS_REGION: 'eu-west-1',
          AWS_ACCESS_KEY_ID: sts.accessKeyId,
          AWS_SECRET_ACCESS_KEY: sts.secretAccessKey,
          AWS_SESSION_TOKEN: 'session',
          AWS_ENDPOINT_URL_STS: sts.url,
          ...settings.env,
        },
        extraCas: settings.extraCas ?? '/none',
        clock,
      },
      withinMs,
    );
    try {
      return await clock.run(made);
    } finally {
      assert.ok(clock.monotonic() <= endMs, `${clock.monotonic() - endMs} ms too late`);
    }
  };
  return { sts, api, make };
}

test('a role makes itself a key for one ephemeral, approved and tagged node, that is over in five minutes', async (t) => {
  const { sts, api, make } = await federation(t);
  assert.equal(await make(), api.madeKeys[0]);
  assert.deepEqual(api.keys, [
    {
      reusable: false,
      ephemeral: true,
      preauthorized: true,
      tags: ['tag:postern'],
      expirySeconds: 300,
      description: 'postern forwarder',
    },
  ]);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(sts.requests[0]?.body)), {
    Action: 'GetWebIdentityToken',
    Version: '2011-06-15',
    'Audience.member.1': api.identity.audience,
    SigningAlgorithm: 'ES384',
    DurationSeconds: '300',
  });
  assert.match(sts.requests[0]?.headers.authorization ?? '', /\/eu-west-1\/sts\/aws4_request/);
});

test('each key comes from tokens of its own', async (t) => {
  const { sts, api, make } = await federation(t);
  const keys = [await make(), await make(), await make()];
  assert.equal(new Set(keys).size, 3);
  assert.equal(new Set(sts.tokens).size, 3);
  assert.equal(new Set(api.accessTokens).size, 3);
});

test('a name that the API would not take is made fit for the description', async (t) => {
  const { api, make } = await federation(t);
  await make(3_000, { hostname: `my_function.${'x'.repeat(60)}` });
  assert.match(api.keys[0]?.description ?? '', /^postern my-function-x{30}$/);
});

const denied = (code: string, message = 'no', status = 403): StsTrouble => ({ status, code, message });
const stsTroubles: readonly (readonly [
  what: string,
  trouble: StsTrouble,
  cause: string,
  says: RegExp,
  calls: number,
])[] = [
  [
    'the role may not ask',
    denied(
      'AccessDenied',
      "User: arn:aws:sts::1:assumed-role/f is not authorized to perform: sts:GetWebIdentityToken with an 'allow'",
    ),
    'tunnel:identity-forbidden',
    /not authorized .* with an 'allow'\. Allow the role sts:GetWebIdentityToken/,
    1,
  ],
  [
    'outbound federation is off',
    denied('OutboundWebIdentityFederationDisabledException'),
    'tunnel:identity-disabled',
    /enable-outbound-web-identity-federation/,
    1,
  ],
  [
    'outbound federation is off, by the name in the documentation',
    denied('OutboundWebIdentityFederationDisabled'),
    'tunnel:identity-disabled',
    /issuer/,
    1,
  ],
  ['the credentials are over', denied('ExpiredToken'), 'tunnel:identity-forbidden', /credentials/, 1],
  [
    'the credentials end too soon',
    denied('SessionDurationEscalationException'),
    'tunnel:identity-forbidden',
    /credentials/,
    1,
  ],
  [
    'the endpoint does not know the operation',
    denied('InvalidAction', 'Could not find operation', 400),
    'tunnel:misconfigured',
    /AWS_REGION; STS gives identity tokens only at the endpoint of a region/,
    1,
  ],
  [
    'the answer is not a document',
    { status: 403, text: '<html>a proxy</html>' },
    'tunnel:misconfigured',
    /answered 403/,
    1,
  ],
  ['it has no token', { status: 200, text: '<ok/>' }, 'tunnel:misconfigured', /without an identity token/, 1],
  [
    'it throttles',
    denied('Throttling', 'Rate exceeded', 400),
    'tunnel:identity-unreachable',
    /Rate exceeded/,
    3,
  ],
  ['it fails', { status: 503, text: '' }, 'tunnel:identity-unreachable', /3 attempts/, 3],
  ['it hangs up', 'hang up', 'tunnel:identity-unreachable', /NAT gateway/, 3],
  ['it is silent', 'silence', 'tunnel:identity-unreachable', /NAT gateway/, 3],
];
for (const [what, trouble, cause, says, calls] of stsTroubles) {
  test(`when STS is asked and ${what}, the cause is ${cause}, after ${calls} calls`, async (t) => {
    const { sts, api, make } = await federation(t);
    sts.trouble = () => trouble;
    await assertFails(() => make(1_600), cause, says);
    assert.equal(sts.requests.length, calls);
    assert.equal(api.requests.length, 0);
  });
}

const refused = (status: number, message: string) => ({ status, message });
const apiTroubles: readonly (readonly [
  what: string,
  step: 'exchange' | 'keys',
  trouble: ApiTrouble,
  cause: string,
  says: RegExp,
  calls: number,
])[] = [
  [
    'refuses the token',
    'exchange',
    refused(403, 'Unauthorized'),
    'tunnel:identity-refused',
    /403 "Unauthorized".*issuer "https:\/\/0.*subject "arn:aws:iam::111122223333:role\/forwarder" and the audience "api.tailscale.com\/T1CNTRL-kIdentity".*"T1CNTRL-kIdentity" \(POSTERN_TAILNET_CLIENT_ID\)/,
    1,
  ],
  [
    'knows no exchange',
    'exchange',
    { status: 404, text: 'no' },
    'tunnel:misconfigured',
    /POSTERN_TAILNET_API_URL/,
    1,
  ],
  [
    'gives no token',
    'exchange',
    { status: 200, text: '{"token":"s3cr3t"}' },
    'tunnel:misconfigured',
    /without the string "access_token"/,
    1,
  ],
  [
    'gives a malformed token',
    'exchange',
    { status: 200, text: '{"access_token":"a\\r\\ns3cr3t"}' },
    'tunnel:misconfigured',
    /access_token/,
    1,
  ],
  ['is at its end', 'exchange', refused(500, 'oops'), 'tunnel:api-unreachable', /500 "oops"/, 3],
  ['hangs up', 'exchange', 'hang up', 'tunnel:api-unreachable', /way out/, 3],
  ['is silent', 'exchange', 'silence', 'tunnel:api-unreachable', /no answer within/, 3],
  [
    'asks to wait for longer than there is time',
    'exchange',
    { ...refused(429, 'slow down'), headers: { 'retry-after': '30' } },
    'tunnel:api-unreachable',
    /429 "slow down"/,
    1,
  ],
  [
    'makes no keys for this identity',
    'keys',
    refused(403, 'calling actor does not have enough permissions to perform this function'),
    'tunnel:scope-missing',
    /enough permissions.*scope auth_keys/,
    1,
  ],
  [
    'no longer takes its own token',
    'keys',
    refused(401, 'API token invalid'),
    'tunnel:scope-missing',
    /401/,
    1,
  ],
  [
    'gives none of these tags',
    'keys',
    refused(400, 'requested tags [tag:postern] are invalid or not permitted'),
    'tunnel:tags-refused',
    /POSTERN_TAILNET_TAGS \(tag:postern\)/,
    1,
  ],
  ['finds the request wrong', 'keys', refused(400, 'expiry'), 'tunnel:misconfigured', /400 "expiry"/, 1],
  [
    'gives no key',
    'keys',
    { status: 200, text: '[]' },
    'tunnel:misconfigured',
    /without the string "key"/,
    1,
  ],
  ['is silent', 'keys', 'silence', 'tunnel:api-unreachable', /no answer within/, 3],
];
for (const [what, step, trouble, cause, says, calls] of apiTroubles) {
  test(`when the API is asked for ${step} and ${what}, the cause is ${cause}, after ${calls} calls`, async (t) => {
    const { sts, api, make } = await federation(t);
    api.trouble = (asked) => (asked === step ? trouble : undefined);
    await assertFails(() => make(1_600), cause, says);
    assert.equal(sts.requests.length, 1);
    assert.equal(api.requests.filter((request) => request.step === step).length, calls);
    for (const token of [...sts.tokens, ...api.accessTokens])
      assert.ok(!redact(`x ${token}`).includes(token));
  });
}

/** What the tailnet was told differs from what the function is told. */
const mismatches: readonly (readonly [what: string, identity: Partial<FederatedIdentity>, cause: string])[] =
  [
    ['another role', { subject: 'arn:aws:iam::111122223333:role/another' }, 'tunnel:identity-refused'],
    ['no scope for keys', { scopes: ['devices:core'] }, 'tunnel:scope-missing'],
    ['other tags', { tags: ['tag:other'] }, 'tunnel:tags-refused'],
    ['more tags', { tags: ['tag:postern', 'tag:other'] }, 'tunnel:tags-refused'],
  ];
for (const [what, identity, cause] of mismatches) {
  test(`a federated identity with ${what} is ${cause}`, async (t) => {
    const { make } = await federation(t, identity);
    await assertFails(make, cause, /./);
  });
}

test('another client id or audience is refused by the tailnet, another key of AWS by STS', async (t) => {
  const { make } = await federation(t);
  await assertFails(() => make(3_000, { clientId: 'T1CNTRL-kOther' }), 'tunnel:identity-refused', /kOther/);
  await assertFails(() => make(3_000, { audience: 'elsewhere' }), 'tunnel:identity-refused', /"elsewhere"/);
  const env = { AWS_SECRET_ACCESS_KEY: 'another' };
  await assertFails(() => make(3_000, { env }), 'tunnel:identity-forbidden', /SignatureDoesNotMatch/);
});

test('what passes is tried again, after the time that the API asks for', async (t) => {
  const { sts, api, make } = await federation(t);
  sts.trouble = (count) => (count === 1 ? { status: 503, text: '' } : undefined);
  api.trouble = (step, count) => {
    if (count > 1) return undefined;
    return step === 'exchange'
      ? 'hang up'
      : { ...refused(429, 'slow down'), headers: { 'retry-after': '1' } };
  };
  assert.equal(await make(6_000), api.madeKeys[0]);
  assert.deepEqual([sts.requests.length, api.requests.length], [2, 4]);
});

const trusts = {
  'the directory of extra authorities': (directory: string) => ({ extraCas: directory }),
  "the function's SSL_CERT_FILE": (directory: string) => ({
    env: { SSL_CERT_FILE: join(directory, 'ca.pem') },
  }),
};
for (const [where, trusted] of Object.entries(trusts)) {
  test(`an API with a certificate of one's own is trusted by ${where}, and refused at once without`, async (t) => {
    const tls = selfSigned(['127.0.0.1']);
    const directory = mkdtempSync(join(tmpdir(), 'postern-test-'));
    writeFileSync(join(directory, 'ca.pem'), tls.cert);
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const { api, make } = await federation(t, {}, tls);
    await assertFails(() => make(5_000), 'tunnel:api-unreachable', /self-signed.*\/opt\/ssl/);
    assert.equal(await make(5_000, trusted(directory)), api.madeKeys[0]);
  });
}

async function assertFails(make: () => Promise<string>, code: string, says: RegExp): Promise<void> {
  await assert.rejects(make(), (error: Error & { code: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, says);
    assert.ok(error.message.length > 20, 'it says what to do');
    assert.doesNotMatch(error.message, /eyJ|s3cr3t|acc3ss|on3off/);
    return true;
  });
}
