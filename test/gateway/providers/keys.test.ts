import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { configure, testHost } from '../plugins/configured.ts';

const hmacOptions = { provider: 'hmac', header: 'x-sig' };
const github = { provider: 'github' };
const standard = { provider: 'standard-webhooks' };
const whsec = (bytes: Uint8Array | string) => `whsec_${Buffer.from(bytes).toString('base64')}`;

type Case = readonly [options: Readonly<Record<string, unknown>>, secret: string, message: RegExp];

const blanks = [
  '',
  ' ',
  '\n',
  '\r\n',
  ' \t \n',
  '\u00a0\u2003',
  '\ufeff',
  '\0',
  '\0'.repeat(40),
  ' '.repeat(64),
];
const refused: readonly Case[] = [
  ...[github, hmacOptions, standard].flatMap((options) =>
    blanks.map((blank): Case => [options, blank, /is empty|has only blanks/]),
  ),
  ...[github, hmacOptions].flatMap((options): Case[] => [
    [options, 'x', /a key of 1 bytes; the minimum is 8/],
    [options, '1234567', /a key of 7 bytes/],
    // RFC 2104 fills a key up with zeros: this one is the same as `x`.
    [options, `x${'\0'.repeat(63)}`, /a key of 1 bytes/],
  ]),
  [standard, whsec('x'), /has 1 bytes/],
  [standard, whsec(Buffer.alloc(32)), /a key of 0 bytes/],
  [standard, whsec(Buffer.concat([Buffer.from('x'), Buffer.alloc(31)])), /a key of 1 bytes/],
];

for (const [options, secret, message] of refused) {
  test(`a key that can be guessed is refused: ${JSON.stringify(secret)} for ${options.provider}`, async () => {
    const create = configure('webhook', { ...options, secret: 'env:KEY' }, testHost({ 'env:KEY': secret }));
    await assert.rejects(create, (error) => {
      assert.ok(error instanceof ConfigurationError, `${error}`);
      assert.match(error.message, message);
      assert.match(error.message, /env:KEY/);
      assert.deepEqual(error.path, ['secret']);
      return true;
    });
  });
}

test('a short key is warned of at its option, and one of 16 bytes is not', async () => {
  for (const [secret, warned] of [
    ['12345678', true],
    ['a short one 123', true],
    [`12345678${'\0'.repeat(20)}`, true],
    ['sixteen bytes 16', false],
  ] as const) {
    for (const options of [github, hmacOptions]) {
      const host = testHost({ 'env:KEY': secret });
      await configure('webhook', { ...options, secret: 'env:KEY' }, host);
      assert.equal(host.lines.length, warned ? 1 : 0, JSON.stringify(secret));
      if (warned)
        assert.match(host.lines[0] as string, /"path":\["secret"\].*env:KEY makes a key of \d+ bytes/);
      assert.ok(!host.lines.join().includes(secret));
    }
  }
});
