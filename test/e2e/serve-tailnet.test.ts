import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { LocalApi } from '../../tunnel/localapi.ts';
import type { HttpAnswer } from './lab/http.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { localApi } from './lab/local-api.ts';
import { enterHub, runFolder } from './lab/network.ts';
import { type Postern, startPostern } from './lab/postern.ts';
import { type Running, start, until } from './lab/process.ts';

const skip = (await enterHub()) ?? false;

describe('postern serve in a tailnet', { skip }, () => {
  let lab: Lab;
  const started: Running[] = [];
  /** Where the program of tailscaled is called from: without it, it cannot be started again. */
  const binary = join(runFolder, 'bin', 'tailscaled');
  const keyFile = join(runFolder, 'key');

  before(async () => {
    lab = await startLab();
    mkdirSync(join(runFolder, 'bin'));
    symlinkSync(lab.products.tailscaled, binary);
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.stop('SIGTERM', 5_000)));
    for (const node of await lab.headscale.nodes())
      if (node.name !== 'target') await lab.headscale.deleteNode(node.id);
  });
  after(() => lab?.stop());

  async function serve(tailnet: object): Promise<Postern> {
    const env = { SSL_CERT_FILE: lab.pki.authority, HOME: '/nonexistent', TMPDIR: runFolder };
    const postern = await startPostern({ target: `http://${lab.target.name}:8080`, tailnet, env });
    started.push(postern.running);
    return postern;
  }

  /** With a node of its own, and a key that counts once. */
  async function serveOwn(hostname: string, more: object = {}): Promise<Postern> {
    const { key } = await lab.headscale.createKey({ reusable: false, ephemeral: 'ephemeral' in more });
    writeFileSync(keyFile, `${key}\n`);
    const stateDir = 'ephemeral' in more ? {} : { stateDir: join(runFolder, `state-${hostname}`) };
    return serve({
      controlUrl: lab.headscale.url,
      key: `file:${keyFile}`,
      hostname,
      binary,
      ...stateDir,
      ...more,
    });
  }

  async function node(hostname: string) {
    return (await lab.headscale.nodes()).find(({ name }) => name === hostname);
  }

  const codeOf = (answer: HttpAnswer) => JSON.parse(answer.body.toString()).code;
  const isReady = (postern: Postern) => async () => (await postern.ready()).ready || undefined;
  const alive = (pids: readonly number[]) => pids.filter((pid) => existsSync(`/proc/${pid}`));

  test('joins, says that it is ready, and reaches a target that only the tailnet reaches', async () => {
    const postern = await serveOwn('server');
    await until('it is ready', isReady(postern), { running: postern.running });
    const answer = await postern.get('/hello?a=1');
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal(lab.target.echo.take().target, '/hello?a=1');
    assert.deepEqual((await node('server'))?.tags, ['tag:postern']);
    const { key } = await lab.headscale.createKey();
    assert.ok(!postern.running.log.text.includes(key.slice(0, 12)), 'a key is in the log');
  });

  test('answers the first request with what the target says, though it comes before the node has joined', async () => {
    const postern = await serveOwn('early');
    assert.equal((await postern.get()).status, 200);
    lab.target.echo.take();
  });

  test('refuses with the cause while tailscaled is gone, and reaches the target again when it is back', async () => {
    const postern = await serveOwn('phoenix');
    assert.equal((await postern.get()).status, 200);
    const [tailscaled = 0] = postern.children();
    rmSync(binary);
    process.kill(tailscaled, 'SIGKILL');
    await until('it is noticed', async () => !(await postern.ready()).ready || undefined);
    const refused = await postern.get();
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'upstream:tunnel-not-ready']);
    const readiness = await postern.ready();
    assert.equal(readiness.code, 'tunnel:daemon-failed');
    assert.match(readiness.detail ?? '', /could not be started/);
    symlinkSync(lab.products.tailscaled, binary);
    await until('it is ready again', isReady(postern), { running: postern.running });
    assert.equal((await postern.get()).status, 200);
    assert.notEqual(postern.children()[0], tailscaled);
  });

  test('starts tailscaled again when it has died, and refuses nothing for longer than that takes', async () => {
    const postern = await serveOwn('quick');
    assert.equal((await postern.get()).status, 200);
    const [tailscaled = 0] = postern.children();
    process.kill(tailscaled, 'SIGKILL');
    const refused = new Set<string>();
    const answered = async () => {
      const answer = await postern.get();
      if (answer.status === 200) return true;
      refused.add(codeOf(answer));
      return undefined;
    };
    await until('the target answers again', answered, { limitMs: 10_000 });
    assert.deepEqual(
      [...refused].filter((code) => code !== 'upstream:reset' && code !== 'upstream:tunnel-not-ready'),
      [],
    );
    assert.notEqual(postern.children()[0], tailscaled);
  });

  test('at SIGTERM lets a request finish, ends tailscaled, and is the same node when it starts again, without a key', async () => {
    const postern = await serveOwn('keeper');
    await until('it is ready', isReady(postern), { running: postern.running });
    const children = postern.children();
    const before = await node('keeper');
    const seen = lab.target.echo.received.length;
    const slow = postern.get('/slow?delay=800');
    await until('the request is under way', () => lab.target.echo.received.length > seen || undefined);
    const exit = postern.running.stop('SIGTERM', 20_000);
    assert.equal((await slow).status, 200);
    assert.deepEqual(await exit, { code: 0, signal: null });
    assert.deepEqual(alive(children), []);
    assert.equal((await node('keeper'))?.id, before?.id, 'it left the tailnet');

    rmSync(keyFile);
    const key = 'file:/nonexistent';
    const stateDir = join(runFolder, 'state-keeper');
    const again = await serve({ controlUrl: lab.headscale.url, key, hostname: 'keeper', binary, stateDir });
    assert.equal((await again.get()).status, 200);
    assert.deepEqual((await node('keeper'))?.addresses, before?.addresses);
    assert.equal((await node('keeper'))?.id, before?.id);
  });

  test('joins with a new key when the control server has deleted the node', async () => {
    const postern = await serveOwn('deleted');
    await until('it is ready', isReady(postern), { running: postern.running });
    // For some seconds after a join what tailscaled says of it may be of the time before.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const { id } = (await node('deleted')) ?? { id: '' };
    const { key } = await lab.headscale.createKey({ reusable: false, ephemeral: false });
    writeFileSync(keyFile, key);
    await lab.headscale.deleteNode(id);
    await until('it is another node', async () => ((await node('deleted'))?.id ?? id) !== id || undefined);
    await until('it is ready', isReady(postern), { running: postern.running });
    assert.equal((await postern.get()).status, 200);
  });

  test('says why it cannot join, and joins when the key is right', async () => {
    writeFileSync(keyFile, 'tskey-auth-wrong');
    const tailnet = { controlUrl: lab.headscale.url, key: `file:${keyFile}`, hostname: 'late', binary };
    const postern = await serve({ ...tailnet, stateDir: join(runFolder, 'state-late') });
    await until(
      'the cause is known',
      async () => (await postern.ready()).code === 'tunnel:key-invalid' || undefined,
    );
    const refused = await postern.get();
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'upstream:tunnel-not-ready']);
    writeFileSync(keyFile, (await lab.headscale.createKey()).key);
    await until('it has joined', isReady(postern), { running: postern.running });
    assert.equal((await postern.get()).status, 200);
  });

  test('as an ephemeral node leaves the tailnet and keeps nothing on disk', async () => {
    const before = readdirSync(runFolder);
    const postern = await serveOwn('passing', { ephemeral: true });
    assert.equal((await postern.get()).status, 200);
    const children = postern.children();
    assert.deepEqual(await postern.running.stop('SIGTERM', 20_000), { code: 0, signal: null });
    assert.deepEqual(alive(children), []);
    assert.equal(await node('passing'), undefined);
    const left = readdirSync(runFolder).filter((name) => !before.includes(name));
    assert.deepEqual(
      left.filter((name) => !/^postern\d+$|^key$/.test(name)),
      [],
    );
  });

  test('several run beside one another on one machine', async () => {
    const posterns = [await serveOwn('one'), await serveOwn('two', { ephemeral: true })];
    for (const postern of posterns) assert.equal((await postern.get()).status, 200);
  });

  describe('with a tailscaled that runs already', () => {
    const folder = join(runFolder, 'machine');
    const socket = join(folder, 'tailscaled.sock');
    let tailscaled: Running;

    async function up(): Promise<void> {
      const argv = [lab.products.tailscaled, '--tun=userspace-networking', `--statedir=${folder}`];
      const env = { HOME: folder, SSL_CERT_FILE: lab.pki.authority, TS_NO_LOGS_NO_SUPPORT: 'true' };
      tailscaled = start('tailscaled', [...argv, `--socket=${socket}`, '--port=41641'], { env });
      await until('tailscaled answers', () => localApi(socket).status(), { running: tailscaled });
    }

    async function joined(hostname: string): Promise<void> {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      await up();
      const { key } = await lab.headscale.createKey({ ephemeral: false });
      await localApi(socket).join({ key, controlUrl: lab.headscale.url, hostname });
    }
    afterEach(() => tailscaled.stop('SIGKILL'));

    test('reaches the target through it, and leaves it as it was', async () => {
      await joined('machine');
      const postern = await serve({ socket });
      await until('it is ready', isReady(postern), { running: postern.running });
      assert.equal((await postern.get()).status, 200);
      assert.deepEqual(postern.children(), []);
      assert.deepEqual(await postern.running.stop('SIGTERM', 20_000), { code: 0, signal: null });
      assert.ok(tailscaled.alive);
      assert.equal((await localApi(socket).status()).state, 'Running');
    });

    test('says so when it is gone or not logged in, and goes on when it is back', async () => {
      await joined('comes-back');
      const postern = await serve({ socket });
      assert.equal((await postern.get()).status, 200);
      await tailscaled.stop('SIGKILL');
      await until(
        'it is noticed',
        async () => (await postern.ready()).code === 'tunnel:daemon-failed' || undefined,
      );
      const refused = await postern.get();
      assert.deepEqual([refused.status, codeOf(refused)], [503, 'upstream:tunnel-not-ready']);
      await up();
      await until('it is ready again', isReady(postern), { running: postern.running });
      assert.equal((await postern.get()).status, 200);
      const api = new LocalApi(socket, systemClock);
      await api.setRunning(false);
      await until(
        'it is down',
        async () => (await postern.ready()).code === 'tunnel:logged-out' || undefined,
      );
      assert.equal((await postern.get()).status, 503);
      await api.setRunning(true);
      await until('it is up again', isReady(postern), { running: postern.running });
      assert.equal((await postern.get()).status, 200);
    });
  });

  for (const [what, url, code] of [
    ['a port on which nothing listens', ':8081', 'upstream:connection-refused'],
    ['a port that the tailnet’s policy closes', ':9999', 'upstream:target-denied'],
  ] as const)
    test(`says ${code} of ${what}`, async () => {
      const { key } = await lab.headscale.createKey();
      writeFileSync(keyFile, key);
      const postern = await startPostern({
        target: `http://${lab.target.name}${url}`,
        tailnet: {
          controlUrl: lab.headscale.url,
          key: `file:${keyFile}`,
          hostname: 'asker',
          binary,
          ephemeral: true,
        },
        env: { SSL_CERT_FILE: lab.pki.authority, TMPDIR: runFolder },
      });
      started.push(postern.running);
      assert.equal(codeOf(await postern.get()), code);
    });

  test('says upstream:target-unknown of a name and of an address that the tailnet does not know', async () => {
    for (const target of ['http://nobody.tail.test:8080', 'http://10.77.0.1:8443']) {
      writeFileSync(keyFile, (await lab.headscale.createKey()).key);
      const postern = await startPostern({
        target,
        tailnet: {
          controlUrl: lab.headscale.url,
          key: `file:${keyFile}`,
          hostname: 'asker',
          binary,
          ephemeral: true,
        },
        env: { SSL_CERT_FILE: lab.pki.authority, TMPDIR: runFolder },
      });
      started.push(postern.running);
      assert.equal(codeOf(await postern.get()), 'upstream:target-unknown', target);
    }
  });
});
