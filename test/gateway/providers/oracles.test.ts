import assert from 'node:assert/strict';
import test from 'node:test';
import { sign, verify as verifyWithOctokit } from '@octokit/webhooks-methods';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { flat, outcome, providerNamed, verifierOf } from './verify.ts';

const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
const secrets = texts.map((text) => `secret: ${text}`);

test("github accepts what GitHub's own library signs, and both refuse the same", async () => {
  await fc.assert(
    fc.asyncProperty(secrets, texts, texts, async (secret, payload, other) => {
      const verify = verifierOf(providerNamed('github'), {}, [secret]);
      const signature = await sign(secret, payload);
      const headers = flat({ 'x-hub-signature-256': signature });
      assert.equal(outcome(verify, headers, Buffer.from(payload)), 'accepted');
      const theirs = await verifyWithOctokit(secret, other, signature);
      assert.equal(outcome(verify, headers, Buffer.from(other)), theirs ? 'accepted' : 'forged');
    }),
  );
});

test("standard-webhooks and the reference library accept each other's signatures", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 24, maxLength: 64 }),
      fc.stringMatching(/^msg_[A-Za-z0-9]{1,30}$/),
      fc.json(),
      (key, id, payload) => {
        const secret = `whsec_${Buffer.from(key).toString('base64')}`;
        const library = new Webhook(secret);
        const now = new Date();
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
          'webhook-signature': library.sign(id, now, payload),
        };
        const verify = verifierOf(providerNamed('standard-webhooks'), {}, [secret]);
        const found = verify(flat(headers), Buffer.from(payload));
        assert.equal(found.kind, 'accepted');
        assert.doesNotThrow(() => library.verify(payload, headers));
        assert.equal(outcome(verify, flat(headers), Buffer.from(`${payload} `)), 'forged');
        assert.throws(() => library.verify(`${payload} `, headers));
      },
    ),
  );
});

test('a body that is not text is verified as bytes, where the libraries turn it into text first', () => {
  const key = Buffer.alloc(24, 7);
  const body = Buffer.from([0xff, 0xfe]);
  const library = new Webhook(`whsec_${key.toString('base64')}`);
  const now = new Date();
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': library.sign('msg_1', now, body),
  };
  const verify = verifierOf(providerNamed('standard-webhooks'), {}, [`whsec_${key.toString('base64')}`]);
  assert.equal(outcome(verify, flat(headers), body), 'forged');
  assert.equal(outcome(verify, flat(headers), Buffer.from('\ufffd\ufffd')), 'accepted');
});
