import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Lab, secretId, startLab } from './lab/lab.ts';
import { enterHub } from './lab/network.ts';
import { type Probe, startProbe } from './lab/probe.ts';
import { until } from './lab/process.ts';
import type { Sandbox } from './lab/sandbox.ts';

const skip = (await enterHub()) ?? false;

describe('the extension beside a function', { skip }, () => {
  let lab: Lab;
  let url: string;

  before(async () => {
    lab = await startLab();
    await lab.storeKey();
    url = `http://${lab.target.name}:8080/`;
  });
  after(() => lab?.stop());

  /** Whether the lines with these texts were written, in this order. */
  function assertOrder(sandbox: Sandbox, texts: readonly string[]): void {
    let at = -1;
    for (const text of texts) {
      const next = sandbox.log.lines.findIndex((line, index) => index > at && line.text.includes(text));
      assert.ok(next > at, `no "${text}" after line ${at} of:\n${sandbox.log.text}`);
      at = next;
    }
  }

  function pidOf(sandbox: Sandbox, program: string): number {
    const found = sandbox.processes().find(({ argv }) => argv.some((part) => part.endsWith(program)));
    assert.ok(found, `${program} does not run`);
    return found.pid;
  }

  async function nodeOf(sandbox: Sandbox) {
    const found = (await lab.headscale.nodes()).find((node) => node.name === sandbox.functionName);
    assert.ok(found, `${sandbox.functionName} is not in the tailnet`);
    return found;
  }

  async function untilAnswered(probe: Probe): Promise<void> {
    const attempt = async () => ((await probe.get(url)).status === 200 ? true : undefined);
    await until('the target answers', attempt);
  }

  test('registers for SHUTDOWN alone, is ready before the first event, and leaves in order', async () => {
    const probe = await startProbe(lab);
    assert.equal((await probe.get(url)).status, 200);
    const { tags } = await nodeOf(probe);
    assert.deepEqual(tags, ['tag:postern']);

    // One that takes longer than Lambda gives it is killed, and ends with no code.
    const { code } = await probe.shutdown();
    await lab.waitForNodes([]);
    assert.equal(code, 0);
    assertOrder(probe, [
      'registered, subscribed to [SHUTDOWN]',
      '"tunnel ready"',
      'INVOKE START',
      '"shutdown received"',
      '"left the tailnet"',
      '"done"',
    ]);
  });

  test('answers the readiness endpoint and tells what a target is like', async () => {
    const probe = await startProbe(lab);
    const ready = await probe.ask('/ready?within=1000');
    assert.deepEqual([ready.status, ready.body], [200, { ready: true, epoch: 1 }]);
    const targets = [
      [`${lab.target.name}:8081`, 'upstream:connection-refused'],
      [`${lab.target.name}:9999`, 'upstream:target-denied'],
      ['nobody.tail.test:80', 'upstream:target-unknown'],
    ];
    for (const [target, code] of targets) {
      const { body } = await probe.ask(`/diagnose?target=${target}&within=3000`);
      assert.equal((body as { code: string }).code, code, target);
    }
    await probe.shutdown();
  });

  test('lets nothing in: a node that may reach its ports finds none open, though it answers pings', async () => {
    const probe = await startProbe(lab);
    await probe.get(url);
    const [address = ''] = (await nodeOf(probe)).addresses;
    assert.ok(await lab.target.local.ping(address), 'the node answers no ping');
    const ports = [1055, 1056, 8080, 9001];
    const found = await Promise.all(ports.map((port) => lab.target.dial(address, port, 500)));
    assert.deepEqual(
      found.filter((state) => state === 'open'),
      [],
    );
    await probe.shutdown();
  });

  test('shows its key to nobody: not in arguments, environments or logs', async () => {
    const { key } = await lab.headscale.createKey();
    await lab.secrets.put(secretId, key);
    const probe = await startProbe(lab);
    assert.equal((await probe.get(url)).status, 200);
    const secret = key.slice(-20);
    const processes = probe.processes();
    assert.ok(processes.length > 0, 'no process was seen');
    for (const { pid, argv } of processes) {
      assert.ok(!argv.join(' ').includes(secret), `the key is in the arguments of ${argv[0]}`);
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      assert.ok(!environment.includes(secret), `the key is in the environment of ${argv[0]}`);
    }
    const daemon = readFileSync(`/proc/${pidOf(probe, 'tailscaled')}/environ`, 'utf8');
    assert.ok(!daemon.includes('AWS_SECRET_ACCESS_KEY'), 'tailscaled has the role of the function');
    await probe.shutdown();
    assert.ok(!probe.log.text.includes(secret), 'the key is in the log');
  });

  test('starts tailscaled again when it is killed, and joins with it', async () => {
    const probe = await startProbe(lab);
    await probe.get(url);
    const pid = pidOf(probe, 'tailscaled');
    process.kill(pid, 'SIGKILL');
    await untilAnswered(probe);
    assert.notEqual(pidOf(probe, 'tailscaled'), pid);
    assert.deepEqual((await probe.ask('/ready?within=1000')).body, { ready: true, epoch: 2 });
    await probe.shutdown();
  });

  test('replaces a tailscaled that lives and does not answer, and joins with the new one', async () => {
    const probe = await startProbe(lab);
    await probe.get(url);
    const pid = pidOf(probe, 'tailscaled');
    process.kill(pid, 'SIGSTOP');
    const told = await probe.log.waitFor(
      ({ json }) => json?.event === 'tailscaled does not answer',
      'the silence of tailscaled',
    );
    assert.ok(Number(told.json?.silentMs) >= 5_000, told.text);
    await untilAnswered(probe);
    assert.notEqual(pidOf(probe, 'tailscaled'), pid);
    assert.deepEqual((await probe.ask('/ready?within=1000')).body, { ready: true, epoch: 2 });
    await probe.shutdown();
  });

  test('leaves a tailscaled alone that was silent because the sandbox was frozen', async () => {
    const probe = await startProbe(lab);
    await probe.get(url);
    const pid = pidOf(probe, 'tailscaled');
    await probe.freeze(8_000);
    assert.equal((await probe.get(url)).status, 200);
    assert.equal(pidOf(probe, 'tailscaled'), pid);
    await probe.shutdown();
  });

  test('joins again when the control server deleted its node and a function asks why nobody answers', async () => {
    const probe = await startProbe(lab);
    await probe.get(url);
    await lab.headscale.deleteNode((await nodeOf(probe)).id);
    // The peers forget the node at once; the node itself is not told.
    await until('the target no longer answers', async () =>
      (await probe.get(url)).status === 200 ? undefined : true,
    );
    await probe.ask(`/diagnose?target=${lab.target.name}:8080&within=3000`);
    await untilAnswered(probe);
    await nodeOf(probe);
    await probe.shutdown();
  });

  test('takes the new key from the secret when it must join again and the old one has expired', async () => {
    const old = await lab.headscale.createKey();
    await lab.secrets.put(secretId, old.key);
    const probe = await startProbe(lab);
    await probe.get(url);
    await lab.headscale.expireKey(old);
    await lab.storeKey();
    await lab.headscale.deleteNode((await nodeOf(probe)).id);
    await until('the target no longer answers', async () =>
      (await probe.get(url)).status === 200 ? undefined : true,
    );
    await probe.ask(`/diagnose?target=${lab.target.name}:8080&within=3000`);
    await untilAnswered(probe);
    await probe.shutdown();
  });

  test('goes on when the control server is away, and leaves without it in time', async () => {
    const probe = await startProbe(lab);
    await probe.get(url);
    await lab.headscale.stop();
    try {
      // A single dial may lose its packet at that moment, and this function dials once: the rule is to dial again.
      await untilAnswered(probe);
      const { code } = await probe.shutdown();
      assert.equal(code, 0);
      assertOrder(probe, ['"shutdown received"', '"done"']);
    } finally {
      await lab.headscale.restart();
    }
  });
});
