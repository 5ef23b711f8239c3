import assert from 'node:assert/strict';
import test from 'node:test';
import { uncheckedSecrets } from '../../../adapters/secrets/unchecked.ts';
import { s } from '../../../base/schema/schema.ts';
import { authorizerProfile, forwarderProfile } from '../../../functions/profiles.ts';
import { next } from '../../../gateway/answer/verdict.ts';
import { type HostProfile, lend, missingOn } from '../../../gateway/config/lend.ts';
import { type ConfigurationProblem, type GatewayPorts, loadGateway } from '../../../gateway/index.ts';
import { definePlugin } from '../../../gateway/plugin/plugin.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { serverProfile } from '../../../server/profile.ts';
import { noLog } from '../../support/gateway.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const text = `
services:
  a: { targets: [{ url: http://127.0.0.1:9 }], transport: direct }
routes:
  one:
    match: { path: /one }
    service: a
    plugins:
      source-ip: { allow: [192.0.2.0/24] }
      webhook: { provider: github, secret: env:SECRET }
`;
const ports: GatewayPorts = {
  clock: new VirtualClock(),
  log: noLog,
  secrets: uncheckedSecrets({ SECRET: 'a key of more than sixteen bytes' }),
  tailnet: readTailnetPorts({}),
};

async function warningsFor(hosts: readonly HostProfile[]): Promise<readonly string[]> {
  const found: ConfigurationProblem[] = [];
  const { gateway } = await loadGateway(
    { file: 'postern.yaml', text },
    { ...ports, hosts, warned: (warnings) => found.push(...warnings) },
  );
  await gateway.close();
  return found.map(({ path, line, message }) => `${line} ${path}: ${message}`);
}

test('a plugin gets the ports that it uses and no other', () => {
  let got: readonly string[] = [];
  const limited = definePlugin({
    name: 'limited',
    priority: 1,
    scopes: ['route'],
    uses: ['clock'],
    options: s.object({}),
    create(_, host) {
      // @ts-expect-error: it does not use the log, so it has none.
      assert.equal(host.log, undefined);
      got = Object.keys(host);
      return { access: () => (host.clock.now() > 0 ? next : next) };
    },
  });
  const { warn, compile } = { warn() {}, compile: () => assert.fail('nothing to compile') };
  limited.create({}, { ...lend(limited, ports), warn, compile });
  assert.deepEqual(got, ['clock', 'warn', 'compile']);
});

test('a plugin that uses nothing gets no port', () => {
  const none = definePlugin({
    name: 'none',
    priority: 1,
    scopes: ['route'],
    options: s.object({}),
    create(_, host) {
      // @ts-expect-error: it declares no port.
      return host.clock === undefined ? {} : assert.fail('it got a clock');
    },
  });
  assert.deepEqual(lend(none, ports), {});
});

test('a plugin that uses a port that the host does not have is an error at its line', async () => {
  const { secrets, ...others } = ports;
  await assert.rejects(loadGateway({ file: 'postern.yaml', text }, others), {
    message: 'postern.yaml:10:7 routes.one.plugins.webhook: it uses secrets, which this host does not have',
  });
});

test('each host that lacks a port of a plugin is warned of at the line of the plugin', async () => {
  const whole: HostProfile = { name: 'the whole host', ports: ['clock', 'log', 'secrets'] };
  const small: HostProfile = { name: 'the small host', ports: ['log', 'secrets'] };
  const bare: HostProfile = { name: 'the bare host', ports: [] };
  assert.deepEqual(await warningsFor([whole, small, bare]), [
    '10 routes.one.plugins.webhook: it uses clock, which the small host does not have',
    '10 routes.one.plugins.webhook: it uses clock and secrets, which the bare host does not have',
  ]);
});

test('of the hosts that check knows, the authorizer alone has no metrics, and lacks them for a plugin that judges the head', () => {
  const measuring = definePlugin({
    name: 'measuring',
    priority: 1,
    scopes: ['route'],
    uses: ['clock', 'log', 'metrics', 'secrets'],
    options: s.object({}),
    create: () => ({}),
  });
  const hosts: readonly HostProfile[] = [serverProfile, forwarderProfile, authorizerProfile];
  assert.deepEqual(
    hosts.map((host) => [host.name, missingOn(host, measuring)]),
    [
      ['postern serve', []],
      ['the forwarder', []],
      ['the authorizer', ['metrics']],
    ],
  );
  assert.deepEqual(missingOn(authorizerProfile, { ...measuring, readsBody: true }), []);
});

test('a host that sees no body lacks nothing of a plugin that reads one, since it does not create it', async () => {
  assert.deepEqual(await warningsFor([{ name: 'the authorizer', ports: [], headOnly: true }]), []);
});
