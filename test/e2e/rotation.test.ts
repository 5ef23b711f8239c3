import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleFunction } from '../../scripts/build/bundle.ts';
import { type Lab, secretId, startLab } from './lab/lab.ts';
import { enterHub, runFolder } from './lab/network.ts';
import { startProbe } from './lab/probe.ts';
import { type Sandbox, startSandbox } from './lab/sandbox.ts';

const skip = (await enterHub()) ?? false;

const credentialsId = 'postern/issuer';
const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;

// The function's own bundle under the Lambda emulator, by AWS's SDK against moto's Secrets Manager, with a real Headscale. The steps
// are called here, because moto calls nothing.
describe('the rotation, from the event to the tailnet', { skip }, () => {
  let lab: Lab;
  let rotation: Sandbox;
  let url: string;
  let number = 0;

  before(async () => {
    lab = await startLab();
    url = `http://${lab.target.name}:8080/`;
    await lab.secrets.put(secretId, 'a placeholder');
    await lab.secrets.put(credentialsId, lab.headscale.apiKey);
    const { folder } = await bundleFunction('rotation', join(runFolder, 'rotation'));
    rotation = await startSandbox({
      bundle: folder,
      lambdaEmulator: lab.parts.lambdaEmulator,
      timeoutSeconds: 60,
      functionName: 'rotation',
      files: { '/var/task/authority.pem': readFileSync(lab.pki.authority) },
      env: {
        AWS_ENDPOINT_URL_SECRETS_MANAGER: lab.secrets.url,
        NODE_EXTRA_CA_CERTS: '/var/task/authority.pem',
        POSTERN_ROTATION_ISSUER: 'headscale',
        POSTERN_ROTATION_CREDENTIALS_ID: credentialsId,
        POSTERN_TAILNET_API_URL: lab.headscale.url,
        POSTERN_TAILNET_SECRET_ID: secretId,
        POSTERN_TAILNET_TAGS: 'tag:postern',
      },
    });
  });
  after(async () => {
    await rotation?.kill();
    await lab?.stop();
  });

  async function begin(): Promise<string> {
    number += 1;
    const token = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    await lab.secrets.beginRotation(secretId, token);
    return token;
  }

  async function run(step: string, token: string): Promise<{ message: string } | undefined> {
    const event = JSON.stringify({ Step: step, SecretId: secretId, ClientRequestToken: token });
    const { payload, functionError } = await rotation.invoke(event);
    return functionError ? { message: payload } : undefined;
  }

  async function rotate(): Promise<StoredKey> {
    const token = await begin();
    for (const step of steps)
      assert.equal(await run(step, token), undefined, `${step}\n${rotation.log.text}`);
    return read('AWSCURRENT');
  }

  async function read(stage: string): Promise<StoredKey> {
    const input = { SecretId: secretId, VersionStage: stage };
    const { SecretString } = await lab.secrets.call<{ SecretString: string }>('GetSecretValue', input);
    return JSON.parse(SecretString) as StoredKey;
  }

  test('each rotation promotes a key that a function joins with; the previous one still joins, the one before cannot', async () => {
    const first = await rotate();
    const [listed] = (await lab.headscale.keys()).filter(({ id }) => id === first.id);
    assert.deepEqual([listed?.reusable, listed?.ephemeral, listed?.aclTags], [true, true, ['tag:postern']]);
    const days = (Date.parse(first.expires) - Date.now()) / 86_400_000;
    assert.ok(Math.abs(days - 90) < 0.01, `${days} days`);
    await assertJoins();

    const second = await rotate();
    assert.deepEqual([(await read('AWSPREVIOUS')).id, second.id], [first.id, String(Number(first.id) + 1)]);
    await assertJoins();
    await assertJoins(first.key);

    const third = await rotate();
    assert.deepEqual([(await read('AWSPREVIOUS')).id, third.id], [second.id, String(Number(second.id) + 1)]);
    await assertJoins();
    await assertJoins(second.key);
    await assertRefused(first.key);

    const text = rotation.log.text;
    for (const { key } of [first, second, third])
      assert.equal(text.includes(key.slice(-20)), false, 'a key is in the log');
    assert.equal(text.includes(lab.headscale.apiKey), false, 'the API key is in the log');
    const revoked = rotation.log.json.filter(({ event }) => event === 'key revoked').map(({ key }) => key);
    assert.deepEqual(revoked, [first.id]);
  });

  test('steps that are repeated make no other key and change nothing', async () => {
    const keys = (await lab.headscale.keys()).length;
    const token = await begin();
    for (const step of [
      'createSecret',
      'createSecret',
      'testSecret',
      'createSecret',
      'testSecret',
      'finishSecret',
    ])
      assert.equal(await run(step, token), undefined, `${step}\n${rotation.log.tail()}`);
    const { id } = await read('AWSCURRENT');
    for (const step of steps) assert.equal(await run(step, token), undefined, step);
    assert.equal((await read('AWSCURRENT')).id, id);
    assert.equal((await lab.headscale.keys()).length, keys + 1);
  });

  test('while Headscale is down the rotation fails in words, rings, and the current key stays; later it succeeds', async () => {
    const { id } = await read('AWSCURRENT');
    const token = await begin();
    await lab.headscale.stop();
    const failed = await run('createSecret', token);
    await lab.headscale.restart();
    assert.match(failed?.message ?? '', /rotation:unreachable: GET https:.*ECONNREFUSED/);
    const told = rotation.log.json.find(({ Code }) => Code === 'rotation:unreachable');
    assert.deepEqual([told?.RotationFailed, told?.FunctionName], [1, 'rotation']);
    assert.equal((await read('AWSCURRENT')).id, id);
    for (const step of steps) assert.equal(await run(step, token), undefined, step);
    assert.notEqual((await read('AWSCURRENT')).id, id);
    await assertJoins();
  });

  test('a wrong API key is told by its status, without the key', async () => {
    await lab.secrets.put(credentialsId, 'hskey-api-wrong-wrong');
    const token = await begin();
    const failed = await run('createSecret', token);
    assert.match(failed?.message ?? '', /rotation:unauthorized: .*401/);
    await lab.secrets.put(credentialsId, lab.headscale.apiKey);
    assert.equal(await run('createSecret', token), undefined);
    assert.equal(await run('finishSecret', token), undefined);
  });

  test('the daily check tells the days that are left, and 0 for a key that was revoked', async () => {
    assert.equal((await rotation.invoke('{"check":"expiry"}')).functionError, false);
    const days = () =>
      rotation.log.json.findLast(({ KeyDaysLeft }) => KeyDaysLeft !== undefined)?.KeyDaysLeft;
    await rotation.log.waitFor(({ json }) => json?.event === 'key expiry', 'the check');
    assert.equal(days(), 90);
    const { id, key } = await read('AWSCURRENT');
    await lab.headscale.expireKey({ id, key });
    await rotation.invoke('{"check":"expiry"}');
    await rotation.log.waitFor(({ json }) => json?.code === 'rotation:revoked', 'a revoked key');
    assert.equal(days(), 0);
  });

  /** Starts a function of its own that joins with the current key, or with another one, and reaches the target. */
  async function assertJoins(key?: string): Promise<void> {
    const probe = await probeWith(key);
    const answer = await probe.get(url);
    assert.equal(answer.status, 200, probe.log.tail());
    await probe.shutdown();
  }

  async function assertRefused(key: string): Promise<void> {
    const probe = await probeWith(key);
    assert.notEqual((await probe.get(url)).status, 200);
    const told = probe.log.json.find(({ event }) => event === 'init failed');
    assert.equal(told?.code, 'tunnel:key-expired', probe.log.text);
    await probe.kill();
  }

  async function probeWith(key: string | undefined): Promise<Awaited<ReturnType<typeof startProbe>>> {
    if (key === undefined) return startProbe(lab);
    await lab.secrets.put('postern/other-key', key);
    return startProbe(lab, { env: { POSTERN_TAILNET_SECRET_ID: 'postern/other-key' } });
  }
});

interface StoredKey {
  readonly key: string;
  readonly id: string;
  readonly expires: string;
}
