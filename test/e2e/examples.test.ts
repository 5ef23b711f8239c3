import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build } from 'esbuild';
import { type Lab, startLab } from './lab/lab.ts';
import { enterHub, runFolder } from './lab/network.ts';
import { buildLayerWithNode } from './lab/products.ts';
import { runtimes, type Sandbox } from './lab/sandbox.ts';

const skip = (await enterHub()) ?? false;
const root = join(import.meta.dirname, '..', '..');
const example = join(root, 'examples', 'layer-in-your-function');
const noPython = existsSync('/usr/bin/python3') ? false : 'needs /usr/bin/python3';

describe("the layer in somebody else's function", { skip }, () => {
  let lab: Lab;

  before(async () => {
    lab = await startLab();
    await lab.storeKey();
  });
  after(() => lab?.stop());

  async function invoke(sandbox: Sandbox): Promise<{ statusCode: number; body: Record<string, unknown> }> {
    const { payload, functionError } = await sandbox.invoke(JSON.stringify({ body: '{"ref":"main"}' }));
    assert.equal(functionError, false, payload);
    const { statusCode, body } = JSON.parse(payload) as { statusCode: number; body: string };
    return { statusCode, body: JSON.parse(body) };
  }

  test('reaches the private target from Node with the agents of postern/tailnet', async () => {
    const bundle = join(runFolder, 'node-example');
    await build({
      entryPoints: [join(example, 'node', 'index.mjs')],
      // In the place of the installed package.
      alias: { 'postern/tailnet': join(root, 'gateway', 'upstream', 'tailnet', 'index.ts') },
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      outfile: join(bundle, 'index.mjs'),
      ...{ bundle: true, minify: true, platform: 'node', target: 'node24', format: 'esm', logLevel: 'error' },
    });
    const sandbox = await lab.forwarder({ bundle, env: { TARGET_URL: `http://${lab.target.name}:8080` } });
    for (const path of ['/builds', '/health']) {
      const { statusCode, body } = await invoke(sandbox);
      assert.equal(statusCode, 200, JSON.stringify(body));
      assert.ok(
        lab.target.echo.received.some((one) => one.target === path),
        path,
      );
    }
    await sandbox.shutdown();
    await lab.waitForNodes([]);
  });

  test('reaches the private target from Python, with a layer that brings Node along', {
    skip: noPython,
  }, async () => {
    const layer = await buildLayerWithNode(join(runFolder, 'layer-with-node'));
    const [, authority = ''] = lab.layers;
    const sandbox = await lab.forwarder({
      bundle: join(example, 'python'),
      runtime: runtimes.python,
      layers: [layer, authority],
      env: { TARGET_URL: `http://${lab.target.name}:8080` },
    });
    const { statusCode, body } = await invoke(sandbox);
    assert.equal(statusCode, 200, JSON.stringify(body));
    assert.deepEqual([body.status, lab.target.echo.take().body?.toString()], [200, '{"ref":"main"}']);
    await sandbox.shutdown();
    await lab.waitForNodes([]);
  });
});
