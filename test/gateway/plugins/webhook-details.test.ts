import assert from 'node:assert/strict';
import test from 'node:test';
import { exchangeOf, nowMs } from '../expression/exchange.ts';
import { type Signer, signers } from '../providers/signers.ts';
import { configure, judge, testHost } from './configured.ts';

const signerOf = (variant: string): Signer =>
  signers.find((one) => one.variant === variant) ?? assert.fail(variant);
const github = signerOf('sha256');
const standard = signerOf('v1');
const nowSeconds = Math.floor(nowMs / 1000);

function signed(signer: Signer, body = Buffer.from('{"type":"made"}')) {
  const message = { id: 'dlv_1', seconds: nowSeconds, body };
  const headers = signer.headers(signer.sign(signer.secretsOf(1).sender, message), message);
  return { exchange: exchangeOf({ head: { headers: Object.entries(headers).flat() } }), body, headers };
}

const webhook = (signer: Signer, host = testHost(signer.secretsOf(1).gateway)) =>
  configure('webhook', { provider: signer.provider, secret: 'env:SECRET', ...signer.options }, host);

test('the log says which type a payload has that is not read, without its parameters, and how far a time is off', async () => {
  const plugins = [
    await webhook(github),
    await configure('authorize', { allow: "webhook.payload.ref == 'a'" }),
  ];
  for (const [type, detail] of [
    [
      'application/x-www-form-urlencoded',
      'content-type is application/x-www-form-urlencoded, which is not JSON',
    ],
    ['multipart/form-data; boundary=hunter2', 'content-type is multipart/form-data, which is not JSON'],
    ['application/json; charset=latin1', 'content-type names a charset other than UTF-8'],
    ['text/json, text/html', 'content-type is "text/json, text/html", which is not JSON'],
  ] as const) {
    const body = Buffer.from('{"ref":"a"}');
    const { headers } = signed(github, body);
    const list = [...Object.entries(headers).flat(), 'Content-Type', type];
    const reply = await judge(plugins, exchangeOf({ head: { headers: list } }), body);
    assert.equal(reply?.detail, `webhook.payload is unknown: ${detail}`);
  }
  for (const [ageMs, detail] of [
    [400_500, 'signed 400.5 s ago; the tolerance is 300 s'],
    [-3_600_000, 'signed 3600 s in the future; the tolerance is 300 s'],
  ] as const) {
    const host = testHost(standard.secretsOf(1).gateway);
    host.nowMs = nowSeconds * 1000 + ageMs;
    const { exchange, body } = signed(standard);
    assert.equal((await judge([await webhook(standard, host)], exchange, body))?.detail, detail);
  }
});
