import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from './arch.ts';
import { cached } from './cache.ts';

const here = import.meta.dirname;
const goArch: Readonly<Record<Arch, string>> = { arm64: 'arm64', x86_64: 'amd64' };

export interface BuiltTailscaled {
  readonly program: Uint8Array;
  /** The licences of every module in it, which are shipped with it. */
  readonly licences: string;
}

/**
 * Builds tailscaled for Lambda from the module that go.mod and go.sum pin, with the features that tailscaled.tags leaves in.
 *
 * The result is kept in the user's cache under the hash of everything that it is made from, also the version of Go.
 *
 * @param report hears of a build, before it begins
 * @throws Error without Go, or with what Go said
 */
export function buildTailscaled(arch: Arch, report: (line: string) => void): BuiltTailscaled {
  const goVersion = go(['env', 'GOVERSION']).trim();
  const args = ['-trimpath', '-buildvcs=false', '-tags', tags(), '-ldflags', linkerFlags()];
  const name = `tailscaled-${arch}-${inputHash([goVersion, arch, ...args])}`;
  const directory = cached(name, function build(making) {
    report(`building tailscaled for ${arch} with ${goVersion}, some minutes the first time …`);
    const env = { GOOS: 'linux', GOARCH: goArch[arch], CGO_ENABLED: '0' };
    go(['build', ...args, '-o', join(making, 'tailscaled'), 'tailscale.com/cmd/tailscaled'], env);
    writeFileSync(join(making, 'licences.txt'), collectLicences(env));
  });
  return {
    program: readFileSync(join(directory, 'tailscaled')),
    licences: readFileSync(join(directory, 'licences.txt'), 'utf8'),
  };
}

function tags(): string {
  const lines = readFileSync(join(here, 'tailscaled.tags'), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).join(',');
}

/** Without the stamps the node would show as version `1.x-ERR-BuildInfo` in the admin console. */
function linkerFlags(): string {
  const version = /^\s*tailscale\.com v(\S+)/m.exec(readFileSync(join(here, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new Error('go.mod names no version of tailscale.com');
  const stamps = ['longStamp', 'shortStamp'].map((stamp) => `-X tailscale.com/version.${stamp}=${version}`);
  return ['-s', '-w', '-buildid=', ...stamps].join(' ');
}

function inputHash(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(here, file)));
  for (const input of inputs) hash.update(`\0${input}`);
  return hash.digest('hex').slice(0, 16);
}

function collectLicences(env: Record<string, string>): string {
  const format = '{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}';
  const listed = go(['list', '-deps', '-tags', tags(), '-f', format, 'tailscale.com/cmd/tailscaled'], env);
  const modules = [...new Set(listed.split('\n').filter((line) => line.includes('\t')))].sort();
  const parts = [`Go\t${go(['env', 'GOROOT']).trim()}`, ...modules].map((line) => {
    const [name = '', directory = ''] = line.split('\t');
    const files = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^(LICEN[CS]E|COPYING|NOTICE|PATENTS)/i.test(entry.name))
      .map((entry) => entry.name);
    return `${name}\n\n${files.map((file) => readFileSync(join(directory, file), 'utf8')).join('\n')}`;
  });
  return `The program bin/tailscaled holds the following software.\n\n${parts.join(`\n${'-'.repeat(72)}\n`)}`;
}

function go(args: readonly string[], env: Record<string, string> = {}): string {
  const result = spawnSync('go', args, {
    cwd: here,
    env: { ...process.env, GOFLAGS: '-mod=readonly', ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if ((result.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    throw new Error(
      'Go is not installed, and tailscaled is built from source: get Go 1.26 or newer from https://go.dev/dl/',
    );
  }
  if (result.status !== 0) throw new Error(`go ${args[0]} failed: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}
