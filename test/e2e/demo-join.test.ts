import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { settingsFile } from '../../lib/demo/user-data.ts';
import { findAwsTools } from '../support/aws-tools.ts';
import { call } from './lab/http.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { enterHub, runFolder } from './lab/network.ts';
import { type Running, start, until } from './lab/process.ts';
import { makeTailscale } from './lab/tailscale.ts';

// Outside the hub they are built, inside they are found.
const tools = findAwsTools();
const skip = typeof tools === 'string' ? tools : (prepare() ?? (await enterHub()) ?? false);

function prepare(): string | undefined {
  try {
    makeTailscale();
    return undefined;
  } catch (error) {
    return `needs Go: ${(error as Error).message}`;
  }
}

const demo = join(import.meta.dirname, '..', '..', 'lib', 'demo');
const port = 8082;
/** Where the command line looks for it. */
const socket = '/run/tailscale/tailscaled.sock';

/**
 * join.sh and server.py as the instance runs them, beside a real tailscaled and AWS's own command line, in front of a real
 * Headscale. What is not the instance's: tailscaled runs in userspace, where it hands on what comes in to 127.0.0.1, so the page
 * listens there; and the command line is the first version, which takes the same arguments.
 */
describe('the demo target', { skip }, () => {
  const folder = join(runFolder, 'demo');
  const { aws } = tools as Exclude<typeof tools, string>;
  let lab: Lab;
  let key: string;
  let tailscaled: Running;
  let server: Running;
  let env: Readonly<Record<string, string>>;

  before(async () => {
    lab = await startLab();
    ({ key } = await lab.headscale.createKey({ tags: ['tag:target'], ephemeral: true }));
    await lab.secrets.put('postern/demo-auth-key', JSON.stringify({ id: '1', key }));
    for (const name of ['bin', 'run', 'state']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'bin', 'aws'), `#!/bin/sh\nexec ${aws.join(' ')} "$@"\n`, { mode: 0o755 });
    const settings = {
      region: 'us-east-1',
      secretId: 'postern/demo-auth-key',
      controlUrl: lab.headscale.url,
      tailnetHostname: 'postern-demo',
      tailnetTags: [],
      port,
      tailscaleVersion: '1.102.5',
      stack: 'DemoStack',
      resource: 'Instance',
    };
    writeFileSync(join(folder, 'settings'), settingsFile(settings));
    env = {
      PATH: `${join(folder, 'bin')}:${makeTailscale()}:${process.env.PATH}`,
      HOME: folder,
      RUNTIME_DIRECTORY: join(folder, 'run'),
      SSL_CERT_FILE: lab.pki.authority,
      TS_NO_LOGS_NO_SUPPORT: 'true',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: lab.secrets.url,
      AWS_ACCESS_KEY_ID: 'lab',
      AWS_SECRET_ACCESS_KEY: 'lab',
    };
    const places = [`--statedir=${join(folder, 'state')}`, `--socket=${socket}`];
    mkdirSync('/run/tailscale');
    tailscaled = start(
      'tailscaled of the demo',
      [join(makeTailscale(), 'tailscaled'), '--tun=userspace-networking', '--port=0', ...places],
      { env },
    );
    await until('tailscaled listens', () => existsSync(socket) || undefined, { running: tailscaled });
    const argv = ['python3', '-I', join(demo, 'server.py'), '--address', '127.0.0.1', '--port', String(port)];
    server = start('the page', argv);
    await server.log.waitFor(({ text }) => text.startsWith('listening'), 'listening');
  });
  after(async () => {
    await server?.stop();
    await tailscaled?.stop();
    await lab?.stop();
  });

  /** The processes whose arguments or environment hold the text, and how many commands of tailscale were looked at. */
  function look(text: string): { readonly joins: number; readonly found: readonly string[] } {
    let joins = 0;
    const found: string[] = [];
    for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        if (argv.startsWith('tailscale up ')) joins += 1;
        if ((argv + readFileSync(`/proc/${pid}/environ`, 'latin1')).includes(text)) found.push(argv);
      } catch {
        // ended while being looked at
      }
    }
    return { joins, found };
  }

  test('joins the tailnet, and never shows its key in an argument, an environment or a log', async () => {
    const joining = start('join.sh', ['bash', join(demo, 'join.sh'), join(folder, 'settings')], { env });
    let joins = 0;
    const shown: string[] = [];
    let settingsSeen = false;
    const watch = setInterval(() => {
      const seen = look(key);
      joins += seen.joins;
      shown.push(...seen.found);
      settingsSeen ||= look(env.RUNTIME_DIRECTORY as string).found.length > 0;
    }, 5);
    const { code } = await joining.exited;
    clearInterval(watch);
    assert.equal(code, 0, joining.log.text);
    assert.deepEqual(shown, []);
    assert.ok(joins > 0, 'tailscale up was never looked at');
    assert.ok(settingsSeen, 'environments cannot be looked at');

    const node = (await lab.headscale.nodes()).find(({ name }) => name === 'postern-demo');
    assert.ok(node, 'no such node in the tailnet');
    assert.deepEqual(node.tags, ['tag:target']);
    assert.equal(readFileSync(join(folder, 'run', 'address'), 'utf8').trim(), node.addresses[0]);
    for (const { log } of [joining, tailscaled]) assert.ok(!log.text.includes(key));
    assert.deepEqual(readdirSync(join(folder, 'run')), ['address']);
  });

  test('serves its page and takes webhooks through API, forwarder and tunnel', async () => {
    const targets = [{ url: `http://postern-demo:${port}` }];
    const services = { demo: { targets, transport: 'tailnet', timeout: '10s' } };
    const routes = { all: { match: { path: '/*' }, service: 'demo', open: true } };
    // As the stack's outputs say: the URL of the service, and the name for the targets.
    await lab.storeKey();
    const forwarder = await lab.forwarder({
      config: { services, routes },
      env: { POSTERN_TAILNET_TARGETS: 'postern-demo' },
    });
    const api = await lab.api(forwarder.invoke);
    const page = await call(`http://127.0.0.1:${api.port}/`);
    assert.equal(page.status, 200, page.body.toString());
    assert.match(page.body.toString(), /You are through the postern/);
    const taken = await call(`http://127.0.0.1:${api.port}/hooks/x`, { method: 'POST', body: '{"a":1}' });
    assert.deepEqual(JSON.parse(taken.body.toString()), { accepted: '/hooks/x', bytes: 7 });
  });

  test('leaves the tailnet by the command with which its unit stops', async () => {
    const unit = readFileSync(join(demo, 'postern-demo-join.service'), 'utf8');
    const [, command = ''] = /^ExecStop=-\/usr\/bin\/(.*)$/m.exec(unit) ?? [];
    const { code } = await start('logout', command.split(' '), { env }).exited;
    assert.equal(code, 0);
    const isGone = async () =>
      (await lab.headscale.nodes()).every(({ name }) => name !== 'postern-demo') || undefined;
    await until('the node is gone', isGone);
  });
});
