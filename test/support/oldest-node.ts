import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { arches, nodeArch } from '../../extension/layer/arch.ts';
import { nodeFolder } from '../../extension/layer/own-node.ts';

/**
 * The path of the oldest Node that package.json names in `engines`, from the cache or from npm. Linux alone.
 *
 * @throws Error with what npm said
 */
export function oldestNode(): string {
  const manifest = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
  const { engines } = JSON.parse(manifest) as { engines: { node: string } };
  const arch = arches.find((one) => nodeArch[one] === process.arch);
  if (process.platform !== 'linux' || arch === undefined)
    throw new Error(`the oldest Node is fetched for Linux; this is ${process.platform} on ${process.arch}`);
  return join(nodeFolder(arch, engines.node.replace('>=', '')), 'bin', 'node');
}
