import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Exchange, type Head } from '../../gateway/exchange.ts';
import { answerHeaders, upstreamHeaders } from '../../gateway/headers.ts';
import type { CanonicalPath } from '../../gateway/path.ts';
import type { Route } from '../../gateway/route.ts';

function exchangeWith(headers: readonly string[], clientIp = '192.0.2.7'): Exchange {
  const head: Head = {
    method: 'GET',
    path: '/' as CanonicalPath,
    query: undefined,
    headers,
    host: 'hooks.example.com',
    scheme: 'https',
    clientIp,
  };
  return new Exchange('id-1', head, { chain: {} } as Route, 0, 0);
}

const pairs = (flat: readonly string[]) =>
  flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string] as const] : []));
const valuesOf = (flat: readonly string[], wanted: string) =>
  pairs(flat)
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value);

test('the client headers arrive in order, in their case, with their repeats', () => {
  const sent = [
    'X-One',
    '1',
    'accept',
    'a',
    'Accept',
    'b',
    'Cookie',
    'a=1',
    'cookie',
    'b=2',
    'Authorization',
    'Bearer x',
  ];
  const received = upstreamHeaders(exchangeWith(['Host', 'hooks.example.com', ...sent]), 'target:80');
  assert.deepEqual(received.slice(0, 2), ['host', 'target:80']);
  assert.deepEqual(received.slice(2, 2 + sent.length), sent);
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
  const received = upstreamHeaders(exchangeWith(forged.flatMap((name) => [name, 'forged'])), 't');
  assert.ok(!received.includes('forged'), received.join(' '));
  assert.deepEqual(valuesOf(received, 'x-forwarded-for'), ['192.0.2.7']);
  assert.deepEqual(valuesOf(received, 'x-forwarded-proto'), ['https']);
  assert.deepEqual(valuesOf(received, 'x-forwarded-host'), ['hooks.example.com']);
  assert.deepEqual(valuesOf(received, 'forwarded'), ['for=192.0.2.7;host="hooks.example.com";proto=https']);
  assert.deepEqual(valuesOf(received, 'x-request-id'), ['id-1']);
});

test('an IPv6 client is quoted in the Forwarded header, as RFC 7239 section 6 wants it', () => {
  const received = upstreamHeaders(exchangeWith([], '2001:db8::7'), 't');
  assert.deepEqual(valuesOf(received, 'forwarded'), [
    'for="[2001:db8::7]";host="hooks.example.com";proto=https',
  ]);
});

test('headers of the connection stay on the connection, those that Connection names too', () => {
  const sent = [
    'Connection',
    'close, X-Private',
    'X-Private',
    '1',
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
  const received = upstreamHeaders(exchangeWith(sent), 't');
  const names = new Set(pairs(received).map(([name]) => name.toLowerCase()));
  assert.deepEqual(
    [...names].filter((name) => !name.startsWith('x-forwarded')),
    ['host', 'x-kept', 'forwarded', 'x-request-id'],
  );
});

test('a client cannot take away what the gateway adds by naming it in Connection', () => {
  const received = upstreamHeaders(exchangeWith(['Connection', 'x-forwarded-for, x-request-id, host']), 't');
  assert.deepEqual(valuesOf(received, 'x-forwarded-for'), ['192.0.2.7']);
  assert.deepEqual(valuesOf(received, 'host'), ['t']);
});

test('a header that a plugin sets takes the place of the one that the client sent', () => {
  const exchange = exchangeWith(['X_Team', 'forged', 'x-team', 'forged']);
  exchange.setUpstreamHeader('x-team', 'real');
  const received = upstreamHeaders(exchange, 't');
  assert.deepEqual(valuesOf(received, 'x-team'), ['real']);
  assert.ok(!received.includes('forged'));
});

test('no spelling of a forwarding header gets through', () => {
  const spelling = fc
    .tuple(
      fc.constantFrom('x-forwarded-for', 'forwarded', 'x-real-ip', 'x-postern-user', 'x-request-id'),
      fc.array(fc.nat(2), { minLength: 20, maxLength: 20 }),
    )
    .map(([name, choices]) =>
      [...name]
        .map((letter, at) =>
          choices[at] === 1 ? letter.toUpperCase() : choices[at] === 2 && letter === '-' ? '_' : letter,
        )
        .join(''),
    );
  fc.assert(
    fc.property(spelling, (name) => !upstreamHeaders(exchangeWith([name, 'forged']), 't').includes('forged')),
  );
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
  assert.deepEqual(answerHeaders(received, 'id-1'), [
    'Set-Cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'ETag',
    '"x"',
    'x-request-id',
    'id-1',
  ]);
});
