import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Arch, nodeArch } from './arch.ts';
import { cached } from './cache.ts';

export interface OwnNode {
  readonly program: Uint8Array;
  readonly licence: string;
}

/**
 * The Node program for functions of other runtimes, from npm, in the version that package.json pins; kept in the user's cache.
 *
 * @throws Error with what npm or tar said
 */
export function readNode(arch: Arch): OwnNode {
  const directory = nodeFolder(arch);
  return {
    program: readFileSync(join(directory, 'bin', 'node')),
    licence: readFileSync(join(directory, 'LICENSE'), 'utf8'),
  };
}

/** The folder in the cache that has it, or another version of it. */
export function nodeFolder(arch: Arch, version = pinnedVersion()): string {
  const name = `node-linux-${nodeArch[arch]}`;
  return cached(`${name}-${version}`, function download(making) {
    // An outer `npm pack --dry-run` passes its options on in the environment.
    const options = ['--loglevel=error', '--dry-run=false', '--pack-destination', making];
    run('npm', ['pack', `${name}@${version}`, ...options]);
    const archive = join(making, `${name}-${version}.tgz`);
    run('tar', [
      '-xzf',
      archive,
      '-C',
      making,
      '--strip-components=1',
      'package/bin/node',
      'package/LICENSE',
    ]);
  });
}

function pinnedVersion(): string {
  const manifest = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { devDependencies: { node: string } }).devDependencies.node;
}

function run(command: string, args: readonly string[]): void {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0) {
    throw new Error(`${command} ${args[0]} failed: ${result.error?.message ?? result.stderr}`);
  }
}
