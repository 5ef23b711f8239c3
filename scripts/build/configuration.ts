import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemClock } from '../../gateway/clock.ts';
import { parseDocument } from '../../gateway/config/document.ts';
import { readEnvironment } from '../../gateway/environment.ts';
import { loadGateway } from '../../gateway/index.ts';
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
  const gateway = await loadGateway(source, {
    clock: systemClock,
    log: silent,
    secrets: uncheckedSecrets({}),
    tailnet: readEnvironment({}).tailnet,
  });
  await gateway.close();
  const { value } = await parseDocument(source);
  const path = join(folder, bundledConfigurationName);
  await writeFile(path, `${JSON.stringify(value)}\n`);
  return path;
}

const silent = { info() {}, warn() {}, error() {} };
