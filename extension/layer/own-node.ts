import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Arch, nodeArch } from './arch.ts';

/**
 * The Node program for functions of other runtimes: the one that runs here when it is the pinned one for that architecture,
 * else the same version's from npm.
 *
 * @throws Error with what npm or tar said
 */
export function readNode(arch: Arch): Uint8Array {
  const version = pinnedVersion();
  const here =
    process.platform === 'linux' && process.arch === nodeArch[arch] && process.version === `v${version}`;
  return here ? readFileSync(process.execPath) : downloadNode(`node-linux-${nodeArch[arch]}`, version);
}

function downloadNode(name: string, version: string): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'postern-node-'));
  try {
    run('npm', ['pack', `${name}@${version}`, '--loglevel=error', '--pack-destination', directory]);
    run('tar', ['-xzf', join(directory, `${name}-${version}.tgz`), '-C', directory, 'package/bin/node']);
    return readFileSync(join(directory, 'package', 'bin', 'node'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function run(command: string, args: readonly string[]): void {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`${command} ${args[0]} failed: ${result.error?.message ?? result.stderr}`);
}

function pinnedVersion(): string {
  const manifest = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { devDependencies: { node: string } }).devDependencies.node;
}
