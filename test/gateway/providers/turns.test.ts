import assert from 'node:assert/strict';
import test from 'node:test';
import { exchangeOf, nowMs } from '../expression/exchange.ts';
import { configure, judge, testHost } from '../plugins/configured.ts';
import { signers } from './signers.ts';

const turn = 1024 * 1024;
const seconds = Math.floor(nowMs / 1000);

for (const signer of signers) {
  const name = `${signer.provider} (${signer.variant})`;
  const webhook = () =>
    configure(
      'webhook',
      { provider: signer.provider, secret: ['env:A', 'env:B'], ...signer.options },
      testHost({ 'env:A': signer.secretsOf(2).gateway, 'env:B': signer.secretsOf(1).gateway }),
    );
  const signed = (body: Uint8Array) => {
    const message = { id: 'msg_1', seconds, body };
    const headers = signer.headers(signer.sign(signer.secretsOf(1).sender, message), message);
    return exchangeOf({ head: { headers: Object.entries(headers).flat() } });
  };

  test(`${name}: large bodies are verified as small ones are, whole`, async () => {
    const instance = await webhook();
    for (const size of [turn - 100, turn, turn + 1, 2 * turn, 2 * turn + 1]) {
      const body = Buffer.alloc(size, 'abc');
      assert.equal(await judge([instance], signed(body), body), undefined, `${size}`);
      for (const at of [0, turn - 101, size - 1]) {
        const other = Buffer.from(body);
        other[at] = 0;
        const exchange = signed(body);
        assert.equal((await judge([instance], exchange, other))?.code, 'webhook:signature', `${size} ${at}`);
        assert.equal(exchange.subject, undefined);
      }
    }
  });

  test(`${name}: while a large body is verified, others have their turn`, async () => {
    const body = Buffer.alloc(8 * turn);
    const instance = await webhook();
    const exchange = signed(body);
    let turns = 0;
    let counter = setImmediate(function count() {
      turns += 1;
      counter = setImmediate(count);
    });
    assert.equal(await judge([instance], exchange, body), undefined);
    clearImmediate(counter);
    // Two secrets of eight pieces each; how long a thread takes for Ed25519 is its own affair.
    const least = signer.variant === 'v1a' ? 1 : 14;
    assert.ok(turns >= least, `${turns} turns`);
  });
}
