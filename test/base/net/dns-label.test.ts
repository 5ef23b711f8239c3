import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { displayValue } from '../../../base/display-value.ts';
import { dnsLabel, isDnsLabel } from '../../../base/net/dns-label.ts';
import { readEnvironment } from '../../../functions/environment.ts';

const names: readonly (readonly [name: string, label: string | undefined])[] = [
  ['forwarder', 'forwarder'],
  ['PosternStack-GatewayForwarder3E4B-aBc', 'posternstack-gatewayforwarder3e4b-abc'],
  ['my_hooks__forwarder', 'my-hooks--forwarder'],
  ['-door-', 'door'],
  ['tür', 't-r'],
  ['🚪door', 'door'],
  ['a'.repeat(63), 'a'.repeat(63)],
  ['___', undefined],
  ['', undefined],
];
for (const [name, label] of names) {
  test(`the node of the function ${JSON.stringify(name)} is called ${label}`, () => {
    assert.equal(dnsLabel(name), label);
  });
}

test('whatever a function is called, its node has a DNS label', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
      const label = dnsLabel(name);
      assert.ok(label === undefined || isDnsLabel(label), label);
      const { hostname } = readEnvironment({ AWS_LAMBDA_FUNCTION_NAME: name }).tailnet;
      assert.ok(isDnsLabel(hostname), hostname);
    }),
  );
});

test('long names that differ at their end alone stay apart', () => {
  // A function's name has 64 characters at most, and the CDK's differ in the last ones.
  const prefix = 'VeryLongStackName-ForwardsWebhooks-GatewayForwarder12345678-';
  const labels = new Set(Array.from({ length: 500 }, (_, at) => dnsLabel(`${prefix}${at + 10_000}`)));
  assert.equal(labels.size, 500);
});

test('a name of 100,000 hyphens takes one pass', () => {
  assert.equal(dnsLabel(`a${'-'.repeat(100_000)}b`)?.length, 10);
});

for (const name of ['my_host', '-door', 'door-', 'a'.repeat(64), 'door.example.com', 'tür', 'a b']) {
  test(`a chosen name that is not a DNS label is refused, never changed: ${name}`, () => {
    assert.throws(() => readEnvironment({ POSTERN_TAILNET_HOSTNAME: name }), {
      message: `POSTERN_TAILNET_HOSTNAME is ${displayValue(name)}; set it to letters, digits and hyphens, 63 at most, with no hyphen at either end`,
    });
  });
}

test('a chosen name is written in lower case, as tailnets write it', () => {
  assert.equal(readEnvironment({ POSTERN_TAILNET_HOSTNAME: 'Door-1' }).tailnet.hostname, 'door-1');
});
