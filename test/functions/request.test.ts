import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { declaredBytes, incomingRequest } from '../../functions/request.ts';
import { BytesBody } from '../../gateway/request/body.ts';
import { gatewayWith } from '../support/gateway.ts';
import { httpApiEvent, requestOf } from './events.ts';

const noBody = new BytesBody(new Uint8Array(0));

test('an event becomes the request that the client sent', () => {
  const event = httpApiEvent({
    method: 'PATCH',
    rawPath: '/prod/a b',
    rawQueryString: 'b=2&a=%20&a=+',
    headers: { host: 'api.example.com', 'x-many': 'one,two', 'content-length': '4' },
    cookies: ['a=1', 'b="2 3"', 'a=4'],
    sourceIp: '2001:db8::7',
    requestContext: { stage: 'prod' },
  });
  const { body: _body, ...request } = incomingRequest(requestOf(event), noBody, 1_234);
  assert.deepEqual(request, {
    method: 'PATCH',
    target: '/a%20b?b=2&a=%20&a=+',
    headers: [
      ...['host', 'api.example.com', 'x-many', 'one,two', 'content-length', '4'],
      ...['cookie', 'a=1; b="2 3"; a=4'],
    ],
    clientIp: '2001:db8::7',
    scheme: 'https',
    id: 'ATfSmjLgPHcESJw=',
    deadlineMs: 1_234,
    peerCertificate: undefined,
  });
});

test('fields that API Gateway may leave out or send as null are as if there were none', () => {
  const bare = { ...httpApiEvent(), headers: null, cookies: null, body: null };
  const request = incomingRequest(requestOf(bare), noBody, 0);
  assert.deepEqual(request.headers, ['host', 'api.example.com']);
  assert.equal(requestOf(bare).body.byteLength, 0);
  assert.equal(declaredBytes(requestOf(bare)), 0);
});

test('cookies are taken from the one place where API Gateway puts them', () => {
  const event = httpApiEvent({ headers: { host: 'h', cookie: 'a=1' }, cookies: ['a=1'] });
  assert.deepEqual(incomingRequest(requestOf(event), noBody, 0).headers, ['host', 'h', 'cookie', 'a=1']);
});

test('a header named like a property of objects is a header like any other', () => {
  const event = JSON.parse(JSON.stringify(httpApiEvent()).replace('"host"', '"__proto__"'));
  assert.ok(incomingRequest(requestOf(event), noBody, 0).headers.includes('__proto__'));
});

test('a body comes in base64 or as text', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
  const encoded = httpApiEvent({ body: Buffer.from(bytes).toString('base64'), isBase64Encoded: true });
  assert.deepEqual(Buffer.from(requestOf(encoded).body), Buffer.from(bytes));
  const text = httpApiEvent({ body: '\uFEFF{"ü": "🚪\\u0000"}' });
  assert.deepEqual(Buffer.from(requestOf(text).body), Buffer.from('\uFEFF{"ü": "🚪\\u0000"}'));
});

test('the client certificate of mutual TLS comes as DER', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n');
  const clientCertPem = `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
  const event = httpApiEvent({ requestContext: { authentication: { clientCert: { clientCertPem } } } });
  assert.deepEqual(incomingRequest(requestOf(event), noBody, 0).peerCertificate, der);
  const without = httpApiEvent({ requestContext: { authentication: { clientCert: { clientCertPem: '' } } } });
  assert.equal(incomingRequest(requestOf(without), noBody, 0).peerCertificate, undefined);
});

test('an event is decided on by one address, one host and one value of each header', async () => {
  const event = httpApiEvent({
    sourceIp: '::ffff:a00:1',
    headers: { host: 'API.example.com.:0443', 'webhook-id': 'msg_1', webhook_id: '1' },
  });
  const { exchange } = await gatewayWith({}).decide(
    incomingRequest(requestOf(event), noBody, Date.now() + 1_000),
  );
  const { clientIp, host, authority, headers } = exchange?.head ?? assert.fail();
  assert.deepEqual([clientIp, host, authority], ['10.0.0.1', 'api.example.com', 'api.example.com:443']);
  assert.deepEqual(headers.slice(2), ['webhook-id', 'msg_1']);
});

test('an event with a target in absolute-form is refused', async () => {
  const event = httpApiEvent({ rawPath: 'https://api.example.com/x' });
  const { reply } = await gatewayWith({}).decide(
    incomingRequest(requestOf(event), noBody, Date.now() + 1_000),
  );
  assert.equal(reply?.code, 'path:not-origin-form');
});

test('an event that names no host, nor a domain of the API, has none and is refused', async () => {
  const { headers: _headers, ...event } = httpApiEvent();
  const { domainName: _domain, ...requestContext } = event.requestContext;
  const nameless = requestOf({ ...event, requestContext });
  const request = incomingRequest(nameless, noBody, Date.now() + 1_000);
  assert.deepEqual(request.headers, []);
  assert.equal((await gatewayWith({}).decide(request)).reply?.code, 'gateway:bad-host');
});
