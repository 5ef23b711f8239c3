import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { replies } from '../../demo/socks5-server.ts';
import { type FakeOwner, notReady } from '../gateway/upstream/fixtures/endpoint.ts';
import { silence, type TestProxy } from '../gateway/upstream/fixtures/proxy.ts';
import { startTarget } from '../gateway/upstream/fixtures/server.ts';
import { startTunnel } from '../gateway/upstream/fixtures/tunnel.ts';

const run = promisify(execFile);
const example = fileURLToPath(new URL('../../examples/layer-in-your-function/', import.meta.url));
const tailnetModule = fileURLToPath(new URL('../../gateway/upstream/tailnet/index.ts', import.meta.url));

interface Lab {
  readonly env: NodeJS.ProcessEnv;
  readonly proxy: TestProxy;
  readonly owner: FakeOwner;
  readonly requests: string[];
}

async function lab(t: TestContext): Promise<Lab> {
  const requests: string[] = [];
  const target = await startTarget(t, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    requests.push(`${request.method} ${request.url} ${body} for ${request.headers.host}`);
    response.end(request.url === '/health' ? 'well' : 'built');
  });
  const { proxy, owner } = await startTunnel(t, () => ({ host: '127.0.0.1', port: target.port }));
  const env = {
    ...process.env,
    TARGET_URL: 'http://builder.test:8080',
    POSTERN_SOCKS_PORT: String(proxy.port),
  };
  return { env, proxy, owner, requests };
}

/** Bundles the function as its package.json says, with Postern's sources in the place of the installed package. */
async function bundleNode(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-example-'));
  t.after(() => rm(folder, { recursive: true }));
  const { scripts } = JSON.parse(await readFile(join(example, 'node/package.json'), 'utf8'));
  const banner = /--banner:js=([^"]*)"/.exec(scripts.build)?.[1] ?? '';
  const outfile = join(folder, 'index.mjs');
  await build({
    entryPoints: [join(example, 'node/index.mjs')],
    alias: { 'postern/tailnet': tailnetModule },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: banner },
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

type Invoke = (env: NodeJS.ProcessEnv, times: number) => Promise<{ statusCode: number; body: string }[]>;

/** Invokes the handler in a process of its own, as often as told. */
async function nodeHandler(t: TestContext): Promise<Invoke> {
  const bundle = await bundleNode(t);
  const program = `
    const { handler } = await import(${JSON.stringify(bundle)});
    const answers = [];
    for (let at = 0; at < Number(process.argv[1]); at += 1) answers.push(await handler({ body: '{"ref":"main"}' }));
    console.log(JSON.stringify(answers));
    process.exit();`;
  return async (env, times) => {
    const args = ['--input-type=module', '-e', program, String(times)];
    return JSON.parse((await run(process.execPath, args, { env, timeout: 30_000 })).stdout);
  };
}

const pythonHandler: Invoke = async (env, times) => {
  const program = `
import json, sys, contextlib, io
sys.path.insert(0, ${JSON.stringify(join(example, 'python'))})
sys.dont_write_bytecode = True
import handler
with contextlib.redirect_stdout(io.StringIO()):
    answers = [handler.handler({"body": '{"ref":"main"}'}, None) for _ in range(int(sys.argv[1]))]
print(json.dumps(answers))`;
  return JSON.parse((await run('python3', ['-c', program, String(times)], { env, timeout: 30_000 })).stdout);
};

const built = 'POST /builds {"ref":"main"} for builder.test:8080';
const hasPython = spawnSync('python3', ['--version']).status === 0;

test('the function in Node reaches its target by fetch and by node:http, over kept connections', async (t) => {
  const { env, proxy, owner, requests } = await lab(t);
  const answers = await (await nodeHandler(t))(env, 3);
  for (const { statusCode, body } of answers) {
    assert.equal(statusCode, 200);
    assert.deepEqual(JSON.parse(body), { answer: 'built', health: { status: 200, text: 'well' } });
  }
  const health = 'GET /health  for builder.test:8080';
  assert.deepEqual(requests, [built, health, built, health, built, health]);
  assert.equal(proxy.asked.length, 2, 'one connection for the dispatcher, one for the agent');
  assert.equal(owner.asked.length, 2, 'each asks once whether the tunnel is ready');
});

test('the function in Node tells its caller why the tunnel or the target fails', async (t) => {
  const { env, proxy, owner } = await lab(t);
  const invoke = await nodeHandler(t);
  proxy.route = () => ({ refuse: replies.failure });
  owner.diagnose = () => ({ code: 'upstream:target-offline', detail: 'builder does not answer' });
  assert.deepEqual(JSON.parse((await invoke(env, 1))[0]?.body ?? ''), { code: 'upstream:target-offline' });
  owner.answer = () => notReady('tunnel:key-expired', 'Store a new key.');
  assert.deepEqual(JSON.parse((await invoke(env, 1))[0]?.body ?? ''), { code: 'upstream:tunnel-not-ready' });
});

const python = { skip: hasPython ? false : 'python3 is not installed' };

test(
  'the function in Python asks after a pause, dials again when a dial hangs, and sends once',
  python,
  async (t) => {
    const { env, proxy, owner, requests } = await lab(t);
    const { route } = proxy;
    proxy.route = (host, port) => (proxy.asked.length === 1 ? silence() : route(host, port));
    const answers = await pythonHandler(env, 2);
    for (const { statusCode, body } of answers) {
      assert.equal(statusCode, 200);
      assert.deepEqual(JSON.parse(body), { status: 200, answer: 'built' });
    }
    assert.deepEqual(requests, [built, built]);
    assert.deepEqual(proxy.asked, Array(3).fill('builder.test:8080'));
    assert.equal(owner.asked.length, 1);
  },
);

test('the function in Python tells its caller why the tunnel or the target fails', python, async (t) => {
  const { env, proxy, owner } = await lab(t);
  proxy.route = () => ({ refuse: replies.failure });
  const [refused] = await pythonHandler(env, 1);
  assert.equal(refused?.statusCode, 502);
  assert.match(
    refused?.body ?? '',
    /builder\.test:8080 cannot be reached through the tunnel \(SOCKS5 reply 1\)/,
  );
  owner.answer = () => notReady('tunnel:key-expired', 'Store a new key.');
  const [down] = await pythonHandler(env, 1);
  assert.match(down?.body ?? '', /tunnel:key-expired: Store a new key\./);
});
