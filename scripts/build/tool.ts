import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { copyFile, cp, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { messageOf } from '../../base/message-of.ts';
import { withoutBrackets } from '../../base/net/destination.ts';
import { parseReference } from '../../base/schema/secret-reference.ts';
import { parseDocument } from '../../gateway/config/document.ts';
import { type ConfigurationSource, loadGateway, noMetrics, readTailnetPorts } from '../../gateway/index.ts';
import type { Needs } from '../../lib/assets.ts';
import { bundleConfiguration } from './configuration.ts';

// What lib's constructs run as a child process while they are made, because a constructor cannot wait:
//   tool.ts inspect CONFIG              prints, as JSON, what a configuration needs of the functions that run it
//   tool.ts function NAME OUT [CONFIG]  puts a bundled function into a folder, with its configuration
//   tool.ts layer NAME OUT              puts the zip of a layer, such as arm64 or x86_64-own-node, into a folder

const packageRoot = findPackage(import.meta.dirname);
/** A clone has the sources and builds them; the package has the built files. */
const isClone = existsSync(join(packageRoot, 'functions'));

async function inspect(file: string): Promise<Needs> {
  const source = { file: basename(file), text: await readText(file) };
  const secrets = await secretsOf(source, false);
  const headSecrets = await secretsOf(source, true);
  const { value } = await parseDocument(source);
  return { secrets, headSecrets, tailnetPeers: peersOf(value) };
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: it cannot be read (${error.code}); give the path of postern.yaml as config`);
  });
}

/** Loads the configuration with placeholders for secrets: none are read. */
async function secretsOf(source: ConfigurationSource, headOnly: boolean): Promise<readonly string[]> {
  const references = new Set<string>();
  // Standard Webhooks needs the prefix; for the others it is just text.
  const placeholder = `whsec_${randomBytes(32).toString('base64')}`;
  const { gateway } = await loadGateway(source, {
    clock: systemClock,
    log: { info() {}, warn() {}, error() {} },
    // The authorizer has none.
    ...(!headOnly && { metrics: noMetrics }),
    secrets: {
      async get(reference) {
        parseReference(reference);
        references.add(reference);
        return Buffer.from(placeholder);
      },
    },
    tailnet: readTailnetPorts({}),
    headOnly,
    sandboxed: true,
  });
  await gateway.close();
  return [...references];
}

/** The configuration has been checked before. */
function peersOf(configuration: unknown): readonly string[] {
  interface Service {
    readonly transport: string;
    readonly targets: readonly { readonly url: string }[];
  }
  const { services } = configuration as { readonly services: Readonly<Record<string, Service>> };
  const targets = Object.values(services)
    .filter(({ transport }) => transport === 'tailnet')
    .flatMap((service) => service.targets);
  return [...new Set(targets.map(({ url }) => withoutBrackets(new URL(url).hostname)))];
}

async function putFunction(name: string, out: string, config: string | undefined): Promise<void> {
  if (isClone) {
    const { bundleFunction, functionNames } = await import('./bundle.ts');
    const known = functionNames.find((one) => one === name);
    if (known === undefined)
      throw new Error(`there is no function ${name}; known are ${functionNames.join(', ')}`);
    await bundleFunction(known, out);
  } else await cp(join(packageRoot, 'dist', 'functions', name), out, { recursive: true });
  if (config !== undefined) await bundleConfiguration(config, out);
}

/** A clone builds it, from the cache if possible; dist/layer may be old, so it is used only without Go. */
async function putLayer(name: string, out: string): Promise<void> {
  const zip = join(out, `${name}.zip`);
  const built = join(packageRoot, 'dist', 'layer', `${name}.zip`);
  if (!isClone) return copyFile(built, zip);
  if (spawnSync('go', ['version']).error === undefined) {
    const { arches, layerName, makeLayer } = await import('../../extension/layer/make.ts');
    const ownNode = name.endsWith('-own-node');
    const arch = arches.find((one) => layerName(one, ownNode) === name);
    if (arch === undefined) throw new Error(`there is no layer ${name}; known are ${arches.join(', ')}`);
    const made = await makeLayer(arch, ownNode, say);
    return writeFile(zip, made.zip);
  }
  if (!existsSync(built)) {
    throw new Error(
      `Go is not installed, and the layer's tailscaled is built from source: get Go from https://go.dev/dl/, or copy a built layer to ${built}`,
    );
  }
  say(`Go is not installed; the layer is ${built} of ${statSync(built).mtime.toISOString()}`);
  await copyFile(built, zip);
}

function say(line: string): void {
  process.stderr.write(`postern: ${line}\n`);
}

function findPackage(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findPackage(dirname(folder));
}

async function main([command = '', first = '', second = '', third]: readonly string[]): Promise<void> {
  if (command === 'inspect') process.stdout.write(JSON.stringify(await inspect(first)));
  else if (command === 'function') await putFunction(first, second, third);
  else if (command === 'layer') await putLayer(first, second);
  else throw new Error(`there is no command ${JSON.stringify(command)}`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
});
