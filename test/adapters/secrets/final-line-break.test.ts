import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutFinalLineBreak } from '../../../base/secret-bytes.ts';
import { parseCredentials } from '../../../functions/rotation/credentials.ts';
import { readStoredKey } from '../../../functions/rotation/stored-key.ts';
import { parseAuthKey } from '../../../tunnel/auth-key.ts';

const texts: readonly (readonly [text: string, left: string])[] = [
  ['secret\n', 'secret'],
  ['secret\r\n', 'secret'],
  ['secret\n\n', 'secret\n'],
  ['secret\r\n\r\n', 'secret\r\n'],
  ['secret\r', 'secret\r'],
  ['secret ', 'secret '],
  ['\nsecret', '\nsecret'],
  ['\n', ''],
  ['\r\n', ''],
  ['', ''],
];
for (const [text, left] of texts) {
  test(`of the secret ${JSON.stringify(text)} ${JSON.stringify(left)} is left`, () => {
    assert.equal(Buffer.from(withoutFinalLineBreak(Buffer.from(text))).toString(), left);
  });
}

for (const end of ['', '\n', '\r\n']) {
  test(`an auth key, credentials and a stored key are the same with ${JSON.stringify(end)} at their end`, () => {
    assert.equal(parseAuthKey(`tskey-auth-abc${end}`, 'key'), 'tskey-auth-abc');
    assert.equal(parseAuthKey(`{"key": "tskey-auth-abc"}${end}`, 'key'), 'tskey-auth-abc');
    const apiKey = { kind: 'api-key', apiKey: 'hskey-api-abc' };
    assert.deepEqual(parseCredentials(`hskey-api-abc${end}`, 'credentials'), apiKey);
    assert.deepEqual(parseCredentials(`{"apiKey": "hskey-api-abc"}${end}`, 'credentials'), apiKey);
    const stored = {
      ...{ key: 'tskey-auth-abc', id: 'k1', issuer: 'tailscale', api: 'https://api.tailscale.com' },
      ...{ created: '2026-01-01T00:00:00.000Z', expires: '2026-04-01T00:00:00.000Z' },
    };
    assert.equal(readStoredKey(`${JSON.stringify(stored)}${end}`)?.key, 'tskey-auth-abc');
  });
}
