import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { uncheckedSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import { parseDocument } from '../../gateway/config/document.ts';
import { mentionsOf } from '../../gateway/config/mentions.ts';
import { loadGateway, noMetrics, readTailnetPorts } from '../../gateway/index.ts';
import { keepNamed } from './parts.ts';

/** The name of the configuration beside a bundle: what POSTERN_CONFIG is set to. */
const bundledConfigurationName = 'postern.json';

/**
 * Checks postern.yaml and writes it as postern.json into a bundle's folder, so that the function needs no YAML parser. Plugins,
 * providers and transports that it does not mention are removed from the bundle.
 *
 * Secrets are not read; they are references in the result as in the source.
 *
 * @returns the path of the file written
 * @throws InvalidConfiguration with all that is wrong
 */
export async function bundleConfiguration(file: string, folder: string): Promise<string> {
  const source = { file: basename(file), text: await readFile(file, 'utf8') };
  const { gateway } = await loadGateway(source, {
    clock: systemClock,
    log: silent,
    metrics: noMetrics,
    secrets: uncheckedSecrets({}),
    tailnet: readTailnetPorts({}),
  });
  await gateway.close();
  const { value } = await parseDocument(source);
  const path = join(folder, bundledConfigurationName);
  await writeFile(path, `${JSON.stringify(value)}\n`);
  await keepNamed(folder, mentionsOf(value));
  return path;
}

const silent = { info() {}, warn() {}, error() {} };
