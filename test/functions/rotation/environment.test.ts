import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRotationEnvironment } from '../../../functions/rotation/environment.ts';

const tailscale = {
  POSTERN_ROTATION_ISSUER: 'tailscale',
  POSTERN_ROTATION_CREDENTIALS_ID: 'postern/issuer',
  POSTERN_TAILNET_TAGS: 'tag:postern, tag:webhooks',
};

test('Tailscale needs its credentials and tags, and has defaults for the rest', () => {
  assert.deepEqual(readRotationEnvironment(tailscale), {
    ...{ issuer: 'tailscale', apiUrl: 'https://api.tailscale.com', credentialsId: 'postern/issuer' },
    ...{ secretId: undefined, tags: ['tag:postern', 'tag:webhooks'], keyLifetimeMs: 90 * 86_400_000 },
  });
});

test('Headscale has its own address', () => {
  const env = {
    ...{ ...tailscale, POSTERN_ROTATION_ISSUER: 'headscale', POSTERN_TAILNET_SECRET_ID: 'postern/auth-key' },
    ...{ POSTERN_TAILNET_API_URL: 'https://headscale.example.com/', POSTERN_ROTATION_KEY_LIFETIME: '30d' },
  };
  const { apiUrl, secretId, keyLifetimeMs } = readRotationEnvironment(env);
  assert.deepEqual(
    [apiUrl, secretId, keyLifetimeMs / 86_400_000],
    ['https://headscale.example.com', 'postern/auth-key', 30],
  );
});

const wrong: [change: Record<string, string>, message: RegExp][] = [
  [{ POSTERN_ROTATION_ISSUER: '' }, /^POSTERN_ROTATION_ISSUER is ""; set it to tailscale or headscale/],
  [{ POSTERN_ROTATION_ISSUER: 'netbird' }, /^POSTERN_ROTATION_ISSUER is "netbird"/],
  [{ POSTERN_ROTATION_ISSUER: 'headscale' }, /^POSTERN_TAILNET_API_URL is ""; set it to Headscale's URL/],
  [{ POSTERN_TAILNET_API_URL: 'http://headscale.example.com' }, /^POSTERN_TAILNET_API_URL is "http:.*https/],
  [{ POSTERN_ROTATION_CREDENTIALS_ID: ' ' }, /^POSTERN_ROTATION_CREDENTIALS_ID is ""/],
  [{ POSTERN_TAILNET_TAGS: '' }, /^POSTERN_TAILNET_TAGS is ""/],
  [{ POSTERN_TAILNET_TAGS: 'tag:a,postern' }, /^POSTERN_TAILNET_TAGS is "postern"; .*tag:postern/],
  [{ POSTERN_ROTATION_KEY_LIFETIME: '91d' }, /^POSTERN_ROTATION_KEY_LIFETIME is "91d"; .*90d/],
  [{ POSTERN_ROTATION_KEY_LIFETIME: '10s' }, /^POSTERN_ROTATION_KEY_LIFETIME is "10s"/],
];
for (const [change, message] of wrong) {
  test(`${JSON.stringify(change)} is refused by the variable's name`, () => {
    assert.throws(() => readRotationEnvironment({ ...tailscale, ...change }), { message });
  });
}
