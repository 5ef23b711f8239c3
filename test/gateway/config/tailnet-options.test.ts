import assert from 'node:assert/strict';
import test from 'node:test';
import type { ServerOptions } from '../../../gateway/index.ts';
import { InvalidConfiguration, loadGateway } from '../../../gateway/index.ts';
import { testPorts } from '../../support/ports.ts';

/** Loads a configuration with this `server.tailnet` in its line 5. */
async function load(tailnet: string, transport = 'tailnet') {
  const read: string[] = [];
  const asked: ServerOptions[] = [];
  const text = `services:
  a: { targets: [{ url: http://builder:8080 }], transport: ${transport} }
routes: { a: { match: { path: /* }, service: a, open: true } }
server:
  tailnet: ${tailnet}
`;
  const secrets = {
    async get(reference: string): Promise<Uint8Array> {
      read.push(reference);
      return Buffer.from('a secret');
    },
  };
  const { gateway, server } = await loadGateway(
    { file: 'postern.yaml', text },
    testPorts({
      secrets,
      tunnel(options) {
        asked.push(options);
        return undefined;
      },
    }),
  );
  await gateway.close();
  return { server, read, asked };
}

async function problemsOf(tailnet: string): Promise<readonly string[]> {
  try {
    await load(tailnet);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    return error.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
  }
}

test('a node of its own and the socket of another are read, and no key with them', async () => {
  const own =
    '{ key: env:KEY, controlUrl: https://headscale.example.com, hostname: door, tags: [tag:postern] }';
  const { server, read } = await load(own);
  assert.deepEqual(server.tailnet, {
    key: 'env:KEY',
    controlUrl: 'https://headscale.example.com',
    hostname: 'door',
    tags: ['tag:postern'],
  });
  assert.deepEqual(read, []);
  assert.deepEqual((await load('{ socket: /run/tailscaled.sock }')).server.tailnet, {
    socket: '/run/tailscaled.sock',
  });
});

test('the host is asked for its tunnel when a service is in the tailnet, and only then', async () => {
  const one = await load('{ key: env:KEY }');
  assert.deepEqual(
    one.asked.map(({ tailnet }) => tailnet),
    [{ key: 'env:KEY' }],
  );
  assert.deepEqual((await load('{ key: env:KEY }', 'direct')).asked, []);
});

const wrong: Readonly<Record<string, readonly string[]>> = {
  '{}': ['5 server.tailnet: expected key, to start a tailscaled, or socket, to use a running one; got a map'],
  '{ key: env:KEY, sockets: /run/s }': ['5 server.tailnet.sockets: unknown key'],
  '{ socket: /run/s, hostname: door }': [
    '5 server.tailnet.hostname: the tailscaled at socket is used without changes; remove hostname, or socket to start one; got "door"',
  ],
  '{ key: env:KEY, ephemeral: true, stateDir: /var/x }': [
    '5 server.tailnet.stateDir: an ephemeral node has no state; remove stateDir or ephemeral; got "/var/x"',
  ],
  '{ key: env:KEY, hostname: "-door" }': [
    '5 server.tailnet.hostname: expected letters, digits and hyphens, 63 at most, with no hyphen at either end; got "-door"',
  ],
  '{ key: env:KEY, tags: [postern] }': [
    '5 server.tailnet.tags[0]: expected a tag such as tag:postern; got "postern"',
  ],
  '{ key: env:KEY, controlUrl: "https://me:s3cret@example.com" }': [
    '5 server.tailnet.controlUrl: expected a URL such as https://headscale.example.com, without path or user',
  ],
  '{ key: tskey-auth-s3cret }': [
    '5 server.tailnet.key: expected a reference to a secret: env:NAME, file:PATH, secretsmanager:ID[#key] or ssm:NAME, with a name as AWS allows it',
  ],
};
for (const [tailnet, problems] of Object.entries(wrong))
  test(`server.tailnet ${tailnet} is an error at its line, without what may be secret`, async () => {
    assert.deepEqual(await problemsOf(tailnet), problems);
  });

test('a folder is an error only if it is too long for a unix socket', async () => {
  assert.equal((await problemsOf(`{ key: env:KEY, stateDir: /${'x'.repeat(90)} }`)).length, 0);
  assert.equal((await problemsOf(`{ key: env:KEY, stateDir: /${'x'.repeat(91)} }`)).length, 1);
});
