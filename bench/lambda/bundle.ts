import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { arches } from '../../extension/layer/arch.ts';
import { zipLayer } from '../../extension/layer/archive.ts';
import { bundleExtension } from '../../extension/layer/bundle.ts';
import { interpreters, layerFiles } from '../../extension/layer/layer.ts';
import { buildTailscaled } from '../../extension/layer/tailscaled.ts';
import { type BundledFile, bundleFunction, functionNames } from '../../scripts/build/bundle.ts';
import { type Bench, type Figure, percentile } from '../runner.ts';
import { say } from './measure.ts';
import { configuration, functionEnv } from './path.ts';

const imports = 20;
const configurationName = 'postern.json';

/** What is uploaded, and how long Node takes to load it. */
export const bundleBench: Bench = {
  name: 'bundle',
  about: `size and cold import of the functions, size of the layers (${imports} imports each)`,
  missing: () =>
    spawnSync('go', ['version']).status === 0 ? undefined : 'Go is not installed, and the layer needs it',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
    try {
      const figures: Figure[] = [];
      const raw: Record<string, unknown> = {};
      for (const name of functionNames) {
        const { files, folder: bundle } = await bundleFunction(name, join(folder, name));
        writeFileSync(
          join(bundle, configurationName),
          JSON.stringify(configuration('http://target.example.ts.net')),
        );
        const tookMs = Array.from({ length: imports }, () => coldImport(bundle, environments[name]));
        figures.push(...sizes(name, files), {
          ...{ name: `${name}, cold import, p50`, value: percentile(tookMs, 0.5), unit: 'ms' },
        });
        raw[name] = { files, tookMs };
      }
      return {
        method:
          `Bundles built first. Cold import: ${imports} new processes of this Node, each timing import() of index.mjs, which loads the configuration too: for the forwarder a signed ` +
          'webhook with source-ip and authorize, for the authorizer two source ranges. Files in the cache of the machine. Layers built first, without Node.',
        figures: [...figures, ...(await layerSizes())],
        raw,
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

const environments = {
  forwarder: { POSTERN_CONFIG: configurationName, ...functionEnv },
  authorizer: { AUTHD_SOURCE_CIDR: '192.0.2.0/24, 2001:db8::/32' },
  rotation: {
    ...{ AWS_REGION: 'us-east-1', POSTERN_ROTATION_ISSUER: 'tailscale', POSTERN_TAILNET_TAGS: 'tag:postern' },
    POSTERN_ROTATION_CREDENTIALS_ID: 'postern/issuer',
  },
};

/** Node's own start is not counted. */
function coldImport(bundle: string, env: Readonly<Record<string, string>>): number {
  const url = pathToFileURL(join(bundle, 'index.mjs')).href;
  const program = `const start = performance.now();
await import(${JSON.stringify(url)});
process.stdout.write('\\n' + (performance.now() - start));
process.exit();`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LAMBDA_TASK_ROOT: bundle, ...env },
  });
  const lines = output.split('\n');
  if (lines.length > 2) throw new Error(`the function complained: ${output}`);
  return Number(lines.at(-1));
}

/** `index.mjs` is loaded at once, the other files when a configuration needs them. */
function sizes(name: string, files: readonly BundledFile[]): readonly Figure[] {
  const sum = (key: 'bytes' | 'zippedBytes') => files.reduce((total, file) => total + file[key], 0) / 1_000;
  return [
    { name: `${name}, all files`, value: sum('bytes'), unit: 'kB' },
    { name: `${name}, zipped`, value: sum('zippedBytes'), unit: 'kB' },
  ];
}

async function layerSizes(): Promise<readonly Figure[]> {
  const extension = await bundleExtension(interpreters.lambda);
  return arches.map((arch): Figure => {
    const { program, licences } = buildTailscaled(arch, say);
    const zip = zipLayer(layerFiles({ tailscaled: program, licences, extension }), 9);
    return { name: `layer ${arch}, zipped`, value: zip.length / 1e6, unit: 'MB' };
  });
}
