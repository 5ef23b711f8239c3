import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { daemonEnvironment } from '../../extension/daemon-environment.ts';
import { readEnvironment } from '../../functions/environment.ts';
import { Tailscaled } from '../../tunnel/tailscaled.ts';
import { Tunnel } from '../../tunnel/tunnel.ts';
import { words } from '../tunnel/tunnel-lab.ts';
import { type Federation, startFederation } from './lab/federation.ts';
import { call } from './lab/http.ts';
import { type Lab, secretId, startLab } from './lab/lab.ts';
import { enterHub, runFolder } from './lab/network.ts';
import { type Probe, startProbe } from './lab/probe.ts';
import { until } from './lab/process.ts';

const skip = (await enterHub()) ?? false;

describe('a function that joins by the identity of its role', { skip }, () => {
  let lab: Lab;
  let federation: Federation;
  let url: string;

  before(async () => {
    lab = await startLab();
    federation = await startFederation(lab);
    url = `http://${lab.target.name}:8080/`;
  });
  after(async () => {
    federation?.stop();
    await lab?.stop();
  });

  test('carries a signed webhook to the private target, and no key is stored anywhere', async () => {
    const secret = 'the webhook’s own';
    const forwarder = await lab.forwarder({
      env: { ...federation.env, GITHUB_SECRET: secret },
      config: {
        services: { builds: { targets: [{ url: `http://${lab.target.name}:8080` }], transport: 'tailnet' } },
        routes: {
          github: {
            match: { path: '/hooks/github', methods: ['POST'] },
            service: 'builds',
            plugins: { webhook: { provider: 'github', secret: 'env:GITHUB_SECRET' } },
          },
        },
      },
    });
    const api = await lab.api(forwarder.invoke);
    const body = '{"ref":"refs/heads/main"}';
    const headers = {
      'x-github-event': 'push',
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    };
    const answer = await call(`${api.url}/hooks/github`, { method: 'POST', headers, body });
    assert.equal(answer.status, 200, `${answer.body}\n${forwarder.log.tail(30)}`);
    assert.equal(JSON.parse(answer.body.toString()).bodyBytes, body.length);

    const [node] = (await lab.headscale.nodes()).filter(({ name }) => name === forwarder.functionName);
    assert.deepEqual(node?.tags, ['tag:postern']);
    assert.equal(federation.api.keys.length, 1);
    const { reusable, ephemeral, preauthorized, expirySeconds } = federation.api.keys[0] ?? {};
    assert.deepEqual([reusable, ephemeral, preauthorized, expirySeconds], [false, true, true, 300]);
    await forwarder.shutdown();
    await lab.waitForNodes([]);
  });

  test('shows neither its tokens nor its key to anybody: not in arguments, environments or logs', async () => {
    const probe = await joined();
    const secrets = [
      ...federation.sts.tokens.slice(-1),
      ...federation.api.accessTokens.slice(-1),
      ...federation.api.madeKeys.slice(-1),
    ].map((secret) => secret.slice(-20));
    assert.equal(secrets.length, 3);
    const seen = probe
      .processes()
      .flatMap(({ pid, argv }) => [argv.join(' '), readFileSync(`/proc/${pid}/environ`, 'utf8')]);
    await probe.shutdown();
    assert.ok(seen.length > 0, 'no process was seen');
    for (const secret of secrets)
      for (const text of [...seen, probe.log.text]) assert.ok(!text.includes(secret), text.slice(0, 200));
  });

  test('joins with a key that nobody can join with again', async () => {
    const probe = await joined();
    await lab.secrets.put(secretId, federation.api.madeKeys.at(-1) ?? '');
    const thief = await startProbe(lab);
    assert.notEqual((await thief.get(url)).status, 200);
    assert.equal(thief.log.json.find((line) => line.event === 'init failed')?.code, 'tunnel:key-used');
    await Promise.all([probe.shutdown(), thief.kill()]);
  });

  test('takes another key when tailscaled was killed, and when the control server deleted its node', async () => {
    const probe = await joined();
    const before = federation.api.madeKeys.length;
    const daemon = probe.processes().find(({ argv }) => argv[0]?.endsWith('tailscaled'));
    process.kill(daemon?.pid ?? 0, 'SIGKILL');
    await untilAnswered(probe);
    assert.equal(federation.api.madeKeys.length, before + 1);

    const nodes = (await lab.headscale.nodes()).filter(({ name }) => name.startsWith(probe.functionName));
    for (const { id } of nodes) await lab.headscale.deleteNode(id);
    await until('the target no longer answers', async () =>
      (await probe.get(url)).status === 200 ? undefined : true,
    );
    await probe.ask(`/diagnose?target=${lab.target.name}:8080&within=3000`);
    await untilAnswered(probe);
    // Usually one. A join that the diagnosis begins again takes a key of its own.
    const more = federation.api.madeKeys.length - before - 1;
    assert.ok(more === 1 || more === 2, `${more} keys were made for it`);
    await probe.shutdown();
  });

  test('stays in the tailnet when its sessions are renewed, which needs no key', async () => {
    const settings = readEnvironment({ ...lab.tunnelEnv, POSTERN_TAILNET_HOSTNAME: 'renewed' }).tailnet;
    const daemon = new Tailscaled({
      binary: lab.products.tailscaled,
      directory: join(runFolder, 'renewed'),
      socksPort: settings.socksPort,
      env: daemonEnvironment({ ...process.env, SSL_CERT_FILE: lab.pki.authority }, join(runFolder, 'none')),
      clock: systemClock,
    });
    let reads = 0;
    const read = async () => {
      reads += 1;
      return (await lab.headscale.createKey({ reusable: false })).key;
    };
    const log = { info() {}, warn() {}, error() {} };
    const tunnel = new Tunnel({
      daemon,
      clock: systemClock,
      settings: { ...settings, staysInTailnet: false, words },
      keys: { oneOff: true, read },
      log,
    });
    await tunnel.join(60_000);
    for (let times = 0; times < 3; times += 1) {
      await tunnel.api.setRunning(false);
      await tunnel.api.setRunning(true);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const pong = await tunnel.api.ping(lab.target.address, 'TSMP', 1_000);
      assert.equal(pong.Err, '');
    }
    assert.equal(reads, 1);
    assert.equal((await tunnel.api.status(false)).BackendState, 'Running');
    await tunnel.leave(20_000);
  });

  async function joined(): Promise<Probe> {
    const probe = await startProbe(lab, { env: federation.env });
    assert.equal((await probe.get(url)).status, 200, probe.log.tail(20));
    return probe;
  }

  function untilAnswered(probe: Probe): Promise<unknown> {
    const attempt = async () => ((await probe.get(url)).status === 200 ? true : undefined);
    return until('the target answers', attempt);
  }
});
