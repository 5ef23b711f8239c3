import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.ts';

/** The programs that the lab builds or fetches once and keeps outside the work tree. */
export interface Parts {
  readonly headscale: string;
  readonly lambdaEmulator: string;
  readonly motoServer: string;
}

interface Part {
  readonly name: string;
  /** Files whose content decides whether the part must be made again. */
  readonly pins: readonly string[];
  make(folder: string): Promise<void>;
}

const here = import.meta.dirname;
const headscaleModule = join(here, '..', 'headscale');
const emulatorPins = join(here, 'pins', 'rie.txt');
const motoPins = join(here, 'pins', 'moto.txt');

const headscale: Part = {
  name: 'headscale',
  pins: [join(headscaleModule, 'go.mod'), join(headscaleModule, 'go.sum')],
  async make(folder) {
    const argv = ['go', 'build', '-mod=readonly', '-trimpath', '-ldflags=-s -w', '-o', `${folder}/`, 'tool'];
    await run(argv, { cwd: headscaleModule, env: { ...process.env, CGO_ENABLED: '0' } });
  },
};

// AWS gives the emulator away in container images and in this wheel; pip checks the wheel against the hash in the pins.
const lambdaEmulator: Part = {
  name: 'lambda-emulator',
  pins: [emulatorPins],
  async make(folder) {
    const wheels = join(folder, 'wheels');
    const download = [
      'pip',
      'download',
      '-q',
      '--no-deps',
      '--require-hashes',
      '-r',
      emulatorPins,
      '-d',
      wheels,
    ];
    await run(['python3', '-m', ...download], { env: process.env });
    const unpack = `import glob, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
open(sys.argv[3], "wb").write(wheel.read(sys.argv[2]))`;
    const inside = `samcli/local/rapid/aws-lambda-rie-${process.arch === 'arm64' ? 'arm64' : 'x86_64'}`;
    const program = join(folder, 'aws-lambda-rie');
    await run(['python3', '-c', unpack, wheels, inside, program], { env: process.env });
    chmodSync(program, 0o755);
    rmSync(wheels, { recursive: true });
  },
};

const moto: Part = {
  name: 'moto',
  pins: [motoPins],
  async make(folder) {
    await run(['python3', '-m', 'venv', folder], { env: process.env });
    const install = ['-m', 'pip', 'install', '-q', '--no-deps', '-r', motoPins];
    await run([join(folder, 'bin', 'python3'), ...install], { env: process.env });
  },
};

const parts = [headscale, lambdaEmulator, moto];

/** Where the parts lie: `$XDG_CACHE_HOME/postern` or `~/.cache/postern`. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME ?? '';
  return join(base.startsWith('/') ? base : join(homedir(), '.cache'), 'postern');
}

/** Whether every part is there, made from the pins as they are now. */
export function partsReady(): boolean {
  return parts.every((part) => existsSync(completeMark(part)));
}

export function locateParts(): Parts {
  return {
    headscale: join(partFolder(headscale), 'headscale'),
    lambdaEmulator: join(partFolder(lambdaEmulator), 'aws-lambda-rie'),
    motoServer: join(partFolder(moto), 'bin', 'moto_server'),
  };
}

/**
 * Makes the parts that are missing: minutes the first time, because Headscale is compiled.
 *
 * The kernel's lock lets test files that run side by side wait for one another, and is free again if its owner dies.
 *
 * @throws Error with the command that failed and its reason
 */
export async function ensureParts(): Promise<Parts> {
  if (!partsReady()) {
    mkdirSync(cacheFolder(), { recursive: true });
    process.stderr.write(`lab: building Headscale and fetching emulators into ${cacheFolder()}, once\n`);
    const lock = join(cacheFolder(), 'lock');
    await run(['flock', lock, process.execPath, join(here, 'prepare.ts')], { env: process.env });
  }
  return locateParts();
}

/** Makes what is missing; only for the one process that holds the lock. */
export async function makeParts(): Promise<void> {
  for (const part of parts) {
    if (existsSync(completeMark(part))) continue;
    const folder = partFolder(part);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await part.make(folder);
    writeFileSync(completeMark(part), '');
  }
}

function partFolder(part: Part): string {
  const hash = createHash('sha256').update(`${process.arch}\n`);
  for (const pin of part.pins) hash.update(readFileSync(pin));
  return join(cacheFolder(), `${part.name}-${hash.digest('hex').slice(0, 16)}`);
}

function completeMark(part: Part): string {
  return join(partFolder(part), '.complete');
}
