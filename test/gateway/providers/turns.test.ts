import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import test from 'node:test';
import { inTurns } from '../../../gateway/providers/scheme/tries.ts';
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
    // HMAC hashes eight pieces for each of two secrets. Ed25519 copies eight pieces once; a thread then takes as long as it takes.
    const least = signer.variant === 'v1a' ? 7 : 14;
    assert.ok(turns >= least, `${turns} turns`);
  });

  test(`${name}: a large body is not hashed further once its request is over`, async (t) => {
    const verifies = t.mock.method(crypto, 'verify').mock;
    const digests = t.mock.method(crypto.Hmac.prototype, 'digest').mock;
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    const body = Buffer.alloc(2 * turn);
    const instance = await webhook();
    for (const [isOver, times] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const exchange = signed(Buffer.alloc(1));
      verifies.resetCalls();
      digests.resetCalls();
      const judged = judge([instance], exchange, body);
      // An HMAC has begun; for Ed25519 nothing is hashed in this turn.
      exchange.isOver = isOver;
      assert.equal((await judged)?.code, 'webhook:signature');
      assert.equal(
        verifies.callCount() + digests.callCount(),
        signer.variant === 'v1a' && isOver ? 0 : times,
      );
    }
  });
}

test('no further piece of a large body is used once its request is over', async () => {
  const body = Buffer.alloc(8 * turn + 1);
  for (const most of [0, 3, 9]) {
    const pieces: number[] = [];
    const isWhole = await inTurns(
      body,
      (_piece, at) => pieces.push(at),
      () => pieces.length === most,
    );
    assert.equal(isWhole, most === 9);
    assert.deepEqual(
      pieces,
      [0, 1, 2, 3, 4, 5, 6, 7, 8].slice(0, most).map((at) => at * turn),
    );
  }
});

test('however many large bodies wait for Ed25519, one is copied and verified at a time', async (t) => {
  const signer = signers.find(({ variant }) => variant === 'v1a') ?? assert.fail('no v1a');
  const { verify } = crypto;
  const messages = new Set<unknown>();
  let most = 0;
  t.mock.method(crypto, 'verify', ((...given: Parameters<typeof verify>) => {
    const [algorithm, message, key, signature, callback] = given as unknown as [
      null,
      Buffer,
      crypto.KeyObject,
      Buffer,
      (error: Error | null, right: boolean) => void,
    ];
    messages.add(message);
    most = Math.max(most, messages.size);
    verify(algorithm, message, key, signature, (error, right) => {
      messages.delete(message);
      callback(error, right);
    });
  }) as typeof verify);
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const instance = await configure(
    'webhook',
    { provider: signer.provider, secret: 'env:A', ...signer.options },
    testHost({ 'env:A': signer.secretsOf(1).gateway }),
  );
  const bodies = Array.from({ length: 8 }, (_, at) => Buffer.alloc(2 * turn, String(at)));
  const replies = await Promise.all(
    bodies.map((body, at) => {
      const message = { id: `msg_${at}`, seconds, body: at === 3 ? Buffer.alloc(1) : body };
      const headers = signer.headers(signer.sign(signer.secretsOf(1).sender, message), message);
      return judge([instance], exchangeOf({ head: { headers: Object.entries(headers).flat() } }), body);
    }),
  );
  assert.deepEqual(
    replies.map((reply) => reply?.code),
    bodies.map((_, at) => (at === 3 ? 'webhook:signature' : undefined)),
  );
  assert.equal(most, 1);
});
