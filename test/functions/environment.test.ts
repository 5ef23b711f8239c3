import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { displayValue } from '../../base/display-value.ts';
import { parseDuration } from '../../base/duration.ts';
import { readEnvironment } from '../../functions/environment.ts';

test('an empty environment gives the documented defaults', () => {
  assert.deepEqual(readEnvironment({}), {
    sourceCidrs: [],
    config: undefined,
    edgeSecretId: undefined,
    tailnet: {
      secretId: undefined,
      identity: undefined,
      controlUrl: 'https://controlplane.tailscale.com',
      hostname: 'postern',
      tags: [],
      targets: [],
      socksPort: 1055,
      readinessPort: 1056,
      joinTimeoutMs: 8_000,
    },
  });
});

test('each variable is read, and lists are split at commas', () => {
  const read = readEnvironment({
    AUTHD_SOURCE_CIDR: ' 192.0.2.0/24, ,2001:db8::/32 ',
    POSTERN_CONFIG: 'postern.yaml',
    POSTERN_TAILNET_SECRET_ID: 'key',
    POSTERN_TAILNET_CONTROL_URL: 'https://headscale.example.com/',
    POSTERN_TAILNET_HOSTNAME: 'door',
    POSTERN_TAILNET_TAGS: 'tag:a,tag:b',
    POSTERN_TAILNET_TARGETS: 'builder',
    POSTERN_SOCKS_PORT: '2000',
    POSTERN_JOIN_TIMEOUT: '500ms',
    AWS_LAMBDA_FUNCTION_NAME: 'forwarder',
  });
  assert.deepEqual(read.sourceCidrs, ['192.0.2.0/24', '2001:db8::/32']);
  assert.deepEqual(read.tailnet, {
    secretId: 'key',
    identity: undefined,
    controlUrl: 'https://headscale.example.com',
    hostname: 'door',
    tags: ['tag:a', 'tag:b'],
    targets: ['builder'],
    socksPort: 2000,
    readinessPort: 2001,
    joinTimeoutMs: 500,
  });
});

const federated = {
  POSTERN_TAILNET_CLIENT_ID: 'client-1',
  POSTERN_TAILNET_AUDIENCE: 'api.example.com/client-1',
  POSTERN_TAILNET_TAGS: 'tag:postern',
};

test('a federated identity takes the place of the secret, at the API of Tailscale or another', () => {
  const identity = { clientId: 'client-1', audience: 'api.example.com/client-1' };
  const { tailnet } = readEnvironment({ ...federated, POSTERN_TAILNET_SECRET_ID: '' });
  assert.equal(tailnet.secretId, undefined);
  assert.deepEqual(tailnet.identity, { ...identity, apiUrl: 'https://api.tailscale.com' });
  for (const url of ['https://headscale.example.com', 'http://127.0.0.1:8080', 'http://[::1]:80']) {
    const own = readEnvironment({ ...federated, POSTERN_TAILNET_API_URL: `${url}/` });
    assert.deepEqual(own.tailnet.identity, { ...identity, apiUrl: url });
  }
});

const halves: readonly [why: string, env: Record<string, string>, message: RegExp][] = [
  [
    'a secret is named too',
    { POSTERN_TAILNET_SECRET_ID: 'key' },
    /^POSTERN_TAILNET_SECRET_ID and POSTERN_TAILNET_CLIENT_ID are both set; set only/,
  ],
  ['it has no audience', { POSTERN_TAILNET_AUDIENCE: '' }, /^POSTERN_TAILNET_AUDIENCE is not set, .*set it/],
  [
    'it has no tags',
    { POSTERN_TAILNET_TAGS: ' , ' },
    /^POSTERN_TAILNET_TAGS is not set, .*set it to the tags/,
  ],
];
for (const [why, env, message] of halves) {
  test(`a federated identity is refused when ${why}`, () => {
    assert.throws(() => readEnvironment({ ...federated, ...env }), { message });
  });
}

test('the name of the function is the name of the node unless another is set', () => {
  assert.equal(readEnvironment({ AWS_LAMBDA_FUNCTION_NAME: 'forwarder' }).tailnet.hostname, 'forwarder');
});

const wrong: [name: string, value: string][] = [
  ['POSTERN_SOCKS_PORT', '0'],
  ['POSTERN_SOCKS_PORT', '65535'],
  ['POSTERN_SOCKS_PORT', '1055 '.repeat(2)],
  ['POSTERN_SOCKS_PORT', '1e3'],
  ['POSTERN_JOIN_TIMEOUT', '8'],
  ['POSTERN_JOIN_TIMEOUT', '0s'],
  ['POSTERN_JOIN_TIMEOUT', '25d'],
  ['POSTERN_TAILNET_CONTROL_URL', 'headscale.example.com'],
  ['POSTERN_TAILNET_CONTROL_URL', 'https://user:pass@headscale.example.com'],
  ['POSTERN_TAILNET_CONTROL_URL', 'https://headscale.example.com/path'],
];
const wrongApis = [
  'api.example.com',
  'http://api.example.com',
  'http://127.0.0.1.example.com',
  'https://user@api.example.com',
  'https://api.example.com/api/v2',
];
wrong.push(...wrongApis.map((url): [string, string] => ['POSTERN_TAILNET_API_URL', url]));
for (const [name, value] of wrong) {
  test(`${name}=${value} is refused with the name, what it is and what to set`, () => {
    assert.throws(
      () => readEnvironment({ ...(name.endsWith('API_URL') && federated), [name]: value }),
      (error: Error) => error.message.startsWith(`${name} is ${displayValue(value.trim())}; set it to `),
    );
  });
}

test('durations are one whole number and one unit', () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  fc.assert(
    fc.property(fc.nat(999_999_999), fc.constantFrom(...Object.entries(units)), (number, [unit, ms]) => {
      assert.equal(parseDuration(`${number}${unit}`), number * ms);
    }),
  );
  for (const text of [
    '',
    '5',
    's',
    '-5s',
    '5 s',
    '1.5s',
    '5S',
    '05s',
    '5s5s',
    '1h30m',
    '9999999999s',
    '٥s',
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});
