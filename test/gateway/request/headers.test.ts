import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { Exchange, type Head } from '../../../gateway/request/exchange.ts';
import {
  compileAllowedHeaders,
  compileTakenAway,
  foldName,
  isTakenAway,
  ownedHeaders,
} from '../../../gateway/request/header-names.ts';
import { cleanHeaders, endToEnd, upstreamHeaders } from '../../../gateway/request/headers.ts';
import type { CanonicalPath } from '../../../gateway/request/path.ts';
import type { Route } from '../../../gateway/routing/route.ts';

function allow(names: readonly string[], takenAway = isTakenAway): ReadonlyMap<string, string> {
  return compileAllowedHeaders(names, takenAway);
}

/** The exchange of a request with these headers, as admission opens it. */
function exchangeWith(
  sent: readonly string[],
  clientIp = '192.0.2.7',
  allowed: readonly string[] = [],
): Exchange {
  const clean = cleanHeaders(sent, allow(allowed));
  assert.ok(!('kind' in clean), 'the headers were refused');
  const { headers, spellings } = clean;
  const head: Head = {
    method: 'GET',
    path: '/' as CanonicalPath,
    rawPath: '/',
    query: undefined,
    headers,
    spellings,
    host: 'hooks.example.com',
    authority: 'hooks.example.com:8443',
    scheme: 'https',
    clientIp,
  };
  return new Exchange('id-1', head, { chain: {} } as Route, 0, 0);
}

const forTarget = (exchange: Exchange, host: string, takenAway = isTakenAway) =>
  upstreamHeaders(exchange, host, takenAway);

const pairs = (flat: readonly string[]) =>
  flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string] as const] : []));
const valuesOf = (flat: readonly string[], wanted: string) =>
  pairs(flat)
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value);

const namesOf = (flat: readonly string[], value: string) =>
  pairs(flat).flatMap(([name, found]) => (found === value ? [name] : []));

test('the client headers arrive in order, in their case, with their repeats', () => {
  const sent = ['X-One', '1', 'accept', 'a', 'Accept', 'b', 'Authorization', 'Bearer x'];
  const received = forTarget(exchangeWith(['Host', 'hooks.example.com', ...sent]), 'target:80');
  assert.deepEqual(received.slice(0, 2), ['host', 'target:80']);
  assert.deepEqual(received.slice(2, 2 + sent.length), sent);
});

test('several lines of cookies are one, so that a target that joins lines with commas reads the cookies that policy reads', () => {
  const sent = ['A', '1', 'Cookie', 'a=1', 'x', '2', 'cookie', 'b=2; c=3', 'COOKIE', 'd=4', 'x_y', 'dropped'];
  const exchange = exchangeWith(sent);
  assert.equal(exchange.header('cookie'), 'a=1; b=2; c=3; d=4');
  assert.deepEqual(forTarget(exchange, 't').slice(2, 8), [
    'A',
    '1',
    'Cookie',
    'a=1; b=2; c=3; d=4',
    'x',
    '2',
  ]);
});

test('the gateway says who the client is, and only the gateway', () => {
  const forged = [
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X_Forwarded_For',
    'x-forwarded_for',
    'X-FORWARDED-PORT',
    'Forwarded',
    'X-Real-IP',
    'X_Real_Ip',
    'X-Request-Id',
    'X-Postern-Subject',
    'X_Postern_Subject',
    'X-Original-URL',
    'X-Rewrite-Url',
    'True-Client-IP',
    'X-Client-Cert',
    'X-SSL-Client-Verify',
  ];
  const received = forTarget(exchangeWith(forged.flatMap((name) => [name, 'forged'])), 't');
  assert.ok(!received.includes('forged'), received.join(' '));
  assert.deepEqual(valuesOf(received, 'x-forwarded-for'), ['192.0.2.7']);
  assert.deepEqual(valuesOf(received, 'x-forwarded-proto'), ['https']);
  assert.deepEqual(valuesOf(received, 'x-forwarded-host'), ['hooks.example.com:8443']);
  assert.deepEqual(valuesOf(received, 'forwarded'), [
    'for=192.0.2.7;host="hooks.example.com:8443";proto=https',
  ]);
  assert.deepEqual(valuesOf(received, 'x-request-id'), ['id-1']);
});

test('an IPv6 client is quoted in the Forwarded header, as RFC 7239 section 6 wants it', () => {
  const received = forTarget(exchangeWith([], '2001:db8::7'), 't');
  assert.deepEqual(valuesOf(received, 'forwarded'), [
    'for="[2001:db8::7]";host="hooks.example.com:8443";proto=https',
  ]);
});

test('headers of the connection are never forwarded, even if Connection names them', () => {
  const sent = [
    'Connection',
    'close, TE, Upgrade, HTTP2-Settings, keep-alive',
    'Keep-Alive',
    'timeout=5',
    'TE',
    'trailers',
    'Transfer-Encoding',
    'chunked',
    'Upgrade',
    'h2c',
    'HTTP2-Settings',
    'x',
    'Proxy-Authorization',
    'x',
    'Proxy-Connection',
    'x',
    'Expect',
    '100-continue',
    'Content-Length',
    '3',
    'X-Kept',
    '1',
  ];
  const received = forTarget(exchangeWith(sent), 't');
  const names = new Set(pairs(received).map(([name]) => name.toLowerCase()));
  assert.deepEqual(
    [...names].filter((name) => !name.startsWith('x-forwarded')),
    ['host', 'x-kept', 'forwarded', 'x-request-id'],
  );
});

test('Connection may name what belongs to the connection, and nothing that was decided on', () => {
  const allowed = [
    'close',
    'Keep-Alive, Upgrade, HTTP2-Settings',
    'TE, close',
    'upgrade,  ,trailer',
    'proxy-connection, transfer-encoding',
    '',
  ];
  for (const value of allowed) assert.ok(!('kind' in cleanHeaders(['Connection', value], allow([]))), value);
  const refused = [
    'close, webhook-id',
    'x-forwarded-for, x-request-id, host',
    'Authorization',
    'keep_alive',
    'content-length',
    'close;x',
    '"close"',
  ];
  for (const value of refused) {
    for (const name of ['connection', 'CONNECTION']) {
      const reply = cleanHeaders(['Accept', 'a', name, value], allow([]));
      assert.ok('kind' in reply, value);
      assert.deepEqual([reply.code, reply.status], ['gateway:bad-connection', 400]);
    }
  }
});

test('one name has one value: other spellings are dropped and counted, unless the route allows one', () => {
  const sent = [
    'webhook-id',
    'msg_1',
    'webhook_id',
    '1',
    'X_GitHub.Event',
    'deploy',
    'x_tenant',
    'a',
    'Accept',
    'b',
  ];
  const clean = cleanHeaders(sent, allow([]));
  assert.deepEqual(clean, {
    headers: ['webhook-id', 'msg_1', 'Accept', 'b'],
    spellings: undefined,
    dropped: 3,
  });
  const plain = ['Accept', 'b', 'X-1', ''];
  const same = cleanHeaders(plain, allow([]));
  assert.ok('headers' in same && same.headers === plain, 'nothing is copied when nothing is dropped');
});

test('an allowed spelling is decided on by the name that a server reads, goes on as it was sent, and never doubles a name', () => {
  const allowed = ['X_Tenant', 'webhook_id'];
  const alone = exchangeWith(['x_tenant', 'a', 'X_Tenant', 'b', 'x.tenant', 'c'], undefined, allowed);
  assert.equal(alone.header('x-tenant'), 'a, b');
  const received = forTarget(alone, 't');
  assert.deepEqual([...valuesOf(received, 'x_tenant'), ...valuesOf(received, 'x-tenant')], ['a', 'b']);
  for (const sent of [
    ['webhook-id', 'msg_1', 'webhook_id', '1'],
    ['webhook_id', '1', 'Webhook-Id', 'msg_1'],
  ]) {
    const both = exchangeWith(sent, undefined, allowed);
    assert.equal(both.header('webhook-id'), 'msg_1');
    assert.ok(!forTarget(both, 't').includes('1'));
  }
});

test('a header that a plugin owns reaches no target from a client, in any spelling, and the others still do', () => {
  const owning = compileTakenAway(['X_Team', 'x-role']);
  const sent = 'x-team 1 X-Team 2 X-Role 3 x-teams 4 host a via 5 TE 6'.split(' ');
  const received = forTarget(exchangeWith(sent), 't', owning);
  assert.deepEqual(received.slice(0, 6), ['host', 't', 'x-teams', '4', 'via', '5']);
  for (const name of ['x_team', 'X.Role', 'x-role', 'remote_user', 'transfer_encoding'])
    assert.throws(() => allow([name], owning), ConfigurationError, `${name} can be allowed`);
  assert.equal(allow(['x_teams'], owning).get('x-teams'), 'x_teams');
  assert.equal(allow(['x_team']).get('x-team'), 'x_team');
});

test('no header that says who the client is or overrides the request reaches a target, in any spelling', () => {
  const spelt = fc
    .tuple(
      fc.constantFrom(...ownedHeaders.flatMap(({ names }) => names)),
      fc.array(fc.constantFrom('-', '_', '.', '~', '+', "'"), { minLength: 40, maxLength: 40 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    )
    .map(([name, separators, upper]) =>
      [...name.replace('*', 'x')]
        .map((letter, at) => (letter === '-' ? separators[at] : upper[at] ? letter.toUpperCase() : letter))
        .join(''),
    );
  fc.assert(
    fc.property(spelt, (name) => {
      assert.ok(!forTarget(exchangeWith([name, 'forged']), 't').includes('forged'), name);
      assert.throws(() => allow([name]), ConfigurationError);
    }),
    { numRuns: 2_000 },
  );
  // In its plain spelling no name is dropped for its characters, so only the list keeps it from the target.
  const plain = ownedHeaders.flatMap(({ names }) => names.map((name) => name.replace('*', 'x')));
  const other = (name: string) => name.replace(/-?\w+$/, (end) => end.toUpperCase());
  const all = plain.flatMap((name) => [name, name.toUpperCase(), other(name)]);
  assert.ok(plain.length > 150, `${plain.length} names`);
  assert.deepEqual(
    namesOf(forTarget(exchangeWith(all.flatMap((name) => [name, 'forged'])), 't'), 'forged'),
    [],
  );
});

test('what belongs to the connection reaches no target and no client', () => {
  const names = [
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'http2-settings',
  ];
  const sent = names.flatMap((name) => [name, 'close', name.toUpperCase(), 'close']);
  assert.deepEqual(namesOf(forTarget(exchangeWith(sent), 't'), 'close'), []);
  assert.deepEqual(endToEnd(sent), []);
});

test('headers that senders of webhooks and clients of APIs write go through', () => {
  const honest = `
    authorization cookie user-agent origin referer via traceparent baggage x-correlation-id idempotency-key x-api-key
    x-auth-token x-user-agent x-client-version x-requested-with destination x-ms-version x-amz-date x-amzn-trace-id
    x-github-event x-github-delivery x-github-hook-id x-hub-signature x-hub-signature-256 x-gitlab-event x-gitlab-token
    x-gitlab-event-uuid x-gitea-signature webhook-id webhook-timestamp webhook-signature svix-id svix-signature
    stripe-signature x-slack-signature x-slack-request-timestamp x-shopify-hmac-sha256 x-shopify-topic x-shopify-shop-domain
    x-twilio-signature i-twilio-idempotency-token x-twilio-email-event-webhook-signature
    x-goog-channel-id x-goog-resource-id x-goog-resource-state x-goog-resource-uri x-goog-message-number x-goog-changed
    x-goog-pubsub-subscription-name x-cloudtasks-queuename x-cloudscheduler-jobname
    x-amz-sns-message-type x-amz-sns-topic-arn x-amz-sns-subscription-arn
    aeg-event-type aeg-subscription-name webhook-request-origin webhook-request-callback ce-id ce-source client-request-id
    cf-webhook-auth cf-worker x-pagerduty-signature x-webhook-id x-zm-signature x-zm-request-timestamp x-zm-trackingid clientid
    x-signature-ed25519 x-signature-timestamp x-event-key x-hook-uuid x-request-uuid x-attempt-number
    x-atlassian-webhook-identifier x-atlassian-webhook-flow x-zendesk-webhook-signature x-zendesk-webhook-id
    x-hubspot-signature-v3 x-hubspot-request-timestamp typeform-signature plaid-verification x-hook-secret x-hook-signature
    x-okta-verification-challenge x-contentful-topic x-contentful-signature x-contentful-crn x-vercel-signature
    x-webhook-signature x-netlify-event circleci-signature circleci-event-type sentry-hook-resource sentry-hook-signature
    tailscale-webhook-signature sm-apikey sm-signature paypal-transmission-id paypal-cert-url x-docusign-signature-1
    x-xero-signature linear-signature x-telegram-bot-api-secret-token twitch-eventsub-message-id heroku-webhook-hmac-sha256
    signaturecertchainurl signature-256 signature signature-input content-digest
  `
    .trim()
    .split(/\s+/);
  const received = forTarget(exchangeWith(honest.flatMap((name) => [name, 'honest'])), 't');
  for (const name of honest) assert.deepEqual(valuesOf(received, name), ['honest'], name);
});

test('headers that platforms document for the caller or the requested path do not reach a target', () => {
  const forged = `
    Cf-Cert-Verified Cf-Cert-Subject-DN CF-Region-Code Akamai-User-Risk X-Amzn-Ava-User-Context Fly-Src l5d-client-id
    l5d-dst-override MS-ASPNETCORE-CLIENTCERT X-Auth-CouchDB-UserName X-Userinfo iv-user-l SCRIPT_NAME Script-Name
    PATH_INFO x-astro-path x-astro-locals X-React-Router-Prerender-Data Tailscale-User Tailscale-User-Login
    Tailscale-App-Capabilities Tailscale-Funnel-Request
  `
    .trim()
    .split(/\s+/);
  const received = forTarget(exchangeWith(forged.flatMap((name) => [name, 'forged'])), 't');
  assert.deepEqual(namesOf(received, 'forged'), []);
  for (const name of ['script_name', 'path_info']) assert.throws(() => allow([name]), ConfigurationError);
});

test('docs/configuration.md lists the stripped headers', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const section = page.split('### Headers that no client can send to a target')[1]?.split('\n#')[0] ?? '';
  const rows = [...section.matchAll(/^\| ([^|`]+) \| (`[^|]+) \|$/gm)].map(([, what, names = '']) => ({
    what,
    names: [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  }));
  assert.deepEqual(rows, ownedHeaders);
});

test('all spellings that a server may fold together are one name', () => {
  for (const name of ['X_A_B', 'x-a.b', "X'a~b", 'x!A|b']) assert.equal(foldName(name), 'x-a-b');
});

test('the answer keeps its headers and repeats, less those of the connection, and carries the id', () => {
  const received = [
    'Set-Cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'Connection',
    'X-Hop',
    'X-Hop',
    '1',
    'Keep-Alive',
    'timeout=5',
    'X-Request-Id',
    'its own',
    'ETag',
    '"x"',
  ];
  assert.deepEqual(endToEnd(received), ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'ETag', '"x"']);
});

test('only Connection nominates headers of an answer, in whatever case and however often', () => {
  const received = [
    'Vary',
    'ETag',
    'Accept-Ch-',
    'ETag',
    'Link-Names',
    'ETag',
    'CONNECTION',
    'close, X-One',
    'Connection',
    ' x-two ,, X-One',
    'X-ONE',
    '1',
    'x-two',
    '2',
    'ETag',
    '"x"',
  ];
  const kept = endToEnd(received);
  assert.deepEqual(
    pairs(kept).map(([name]) => name),
    ['Vary', 'Accept-Ch-', 'Link-Names', 'ETag'],
  );
});

test('what no header can be called is no entry of headersAllow', () => {
  for (const name of ['', ' ', 'x y', 'x_y ', 'x:y', 'x_ü', 'x_y\r\n', '"x_y"', 'x/y']) {
    assert.throws(
      () => allow(['x_ok', name]),
      (error) =>
        error instanceof ConfigurationError &&
        error.path[0] === 1 &&
        /is not a valid header name/.test(error.message),
    );
  }
});
