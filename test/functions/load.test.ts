import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import { loadConfigured } from '../../functions/load.ts';
import { readTailnetPorts } from '../../gateway/upstream/tailnet/ports.ts';
import { noLog } from '../support/gateway.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-load-'));
after(() => rmSync(folder, { recursive: true }));

function load(url: string, env: Readonly<Record<string, string>>) {
  const services = { a: { targets: [{ url }], transport: 'direct' } };
  writeFileSync(join(folder, 'postern.json'), JSON.stringify({ services, routes: {} }));
  return loadConfigured({
    config: 'postern.json',
    tailnet: readTailnetPorts({}),
    env: { LAMBDA_TASK_ROOT: folder, ...env },
    ports: { clock: systemClock, log: noLog, secrets: createSecrets(env) },
  });
}

const onLambda = { AWS_LAMBDA_FUNCTION_NAME: 'forwarder' };
for (const url of [
  'http://127.0.0.1:9001',
  'http://127.1:9001',
  'http://2130706433:9001',
  'http://0x7f000001/',
  'http://localhost:9001',
  'http://a.localhost:9001',
  'http://sandbox:9001',
  'http://sandbox.localdomain:9001',
  'http://169.254.169.254',
  'http://169.254.170.2/v2/credentials',
  'http://0251.0376.0251.0376',
  'http://[::1]:9001',
  'http://[::ffff:127.0.0.1]:9001',
  'http://[fd00:ec2::254]',
  'http://0.0.0.0:9001',
  'http://metadata.google.internal.',
  'http://instance-data',
]) {
  test(`on Lambda a direct target that is the sandbox or its metadata is refused when loaded: ${url}`, async () => {
    await assert.rejects(
      load(url, onLambda),
      /services\.a\.targets\[0\]\.url: .* cannot be a target: .*sandbox/,
    );
  });
}

test('on Lambda a direct target elsewhere is fine, and one on this machine is fine where this is a server', async () => {
  for (const url of ['https://status.example.com', 'http://10.0.0.5:8080', 'http://[fd12::5]:8080'])
    await (await load(url, onLambda)).close();
  await (await load('http://127.0.0.1:9001', {})).close();
});
