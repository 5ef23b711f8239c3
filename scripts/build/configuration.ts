import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemClock } from '../../gateway/clock.ts';
import { parseDocument } from '../../gateway/config/document.ts';
import { readEnvironment } from '../../gateway/environment.ts';
import { type ConfigurationSource, loadGateway } from '../../gateway/index.ts';
import { uncheckedSecrets } from '../../gateway/secrets/index.ts';

/** The name of the configuration beside a bundle: what POSTERN_CONFIG is set to. */
export const bundledConfigurationName = 'postern.json';

/**
 * Checks postern.yaml and writes it as postern.json into a function's folder, so that the function needs no YAML parser.
 *
 * Secrets are not read; they are references in the result as in the source.
 *
 * @returns the path of the file written
 * @throws InvalidConfiguration with all that is wrong
 */
export async function bundleConfiguration(file: string, folder: string): Promise<string> {
  const source = { file: basename(file), text: await readFile(file, 'utf8') };
  await check(source);
  const { value } = await parseDocument(source);
  // In ASCII: what YAML may write as an escape would be a character that cannot be seen.
  const text = JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped);
  // What the function will read, with every alias written out, must pass as well.
  await check({ file: bundledConfigurationName, text });
  const path = join(folder, bundledConfigurationName);
  await writeFile(path, `${text}\n`);
  return path;
}

/** Loads it as a function does, but for its secrets. */
async function check(source: ConfigurationSource): Promise<void> {
  const gateway = await loadGateway(source, {
    clock: systemClock,
    log: silent,
    secrets: uncheckedSecrets({}),
    tailnet: readEnvironment({}).tailnet,
  });
  await gateway.close();
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const silent = { info() {}, warn() {}, error() {} };
