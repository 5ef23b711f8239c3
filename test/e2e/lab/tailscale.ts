import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../../../extension/layer/cache.ts';

const module = join(import.meta.dirname, '..', '..', '..', 'extension', 'layer');

/**
 * Builds tailscaled and its command line, `tailscale`, of the version that the layer pins, as other machines of a tailnet have
 * them. Gives the folder of both.
 *
 * @throws Error with what Go said
 */
export function makeTailscale(): string {
  // The layer's features do: only its command line is missing.
  const lines = readFileSync(join(module, 'tailscaled.tags'), 'utf8').split('\n');
  const tags = ['ts_include_cli', ...lines.filter((line) => line.startsWith('ts_'))].join(',');
  const hash = createHash('sha256').update(`${process.arch}\n${tags}`);
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(module, file)));
  return cached(`tailscale-${hash.digest('hex').slice(0, 16)}`, function build(folder) {
    process.stderr.write('lab: building tailscale with its command line, once\n');
    const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-tags', tags];
    const program = join(folder, 'tailscaled');
    const { status, stderr, error } = spawnSync(
      'go',
      ['build', ...flags, '-o', program, 'tailscale.com/cmd/tailscaled'],
      { cwd: module, env: { ...process.env, CGO_ENABLED: '0' }, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`go build of tailscale: ${error?.message ?? stderr.trim()}`);
    // One program that is its own command line when it is called by the other name.
    symlinkSync('tailscaled', join(folder, 'tailscale'));
  });
}
