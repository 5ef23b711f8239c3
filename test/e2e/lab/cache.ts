import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheFolder } from '../../../extension/layer/cache.ts';
import { run } from './process.ts';

/** The programs of others that the lab builds or fetches once and keeps outside the work tree. */
export interface Parts {
  readonly headscale: string;
  readonly lambdaEmulator: string;
  readonly motoServer: readonly string[];
}

interface Part {
  readonly name: string;
  /** Files whose content decides whether the part must be made again. */
  readonly pins: readonly string[];
  make(folder: string): void;
}

const here = import.meta.dirname;
const headscaleModule = join(here, '..', 'headscale');
const emulatorPins = join(here, 'pins', 'rie.txt');
const motoPins = join(here, 'pins', 'moto.txt');

const headscale: Part = {
  name: 'headscale',
  pins: [join(headscaleModule, 'go.mod'), join(headscaleModule, 'go.sum')],
  make(folder) {
    const flags = ['-mod=readonly', '-trimpath', '-ldflags=-s -w'];
    command(['go', 'build', ...flags, '-o', `${folder}/`, 'tool'], headscaleModule);
  },
};

// AWS gives the emulator away in container images and in this wheel; pip checks the wheel against the hash in the pins.
const lambdaEmulator: Part = {
  name: 'lambda-emulator',
  pins: [emulatorPins],
  make(folder) {
    const wheels = join(folder, 'wheels');
    const pins = ['--no-deps', '--require-hashes', '-r', emulatorPins];
    command(['python3', '-m', 'pip', 'download', '-q', ...pins, '-d', wheels]);
    const unpack = `import glob, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
open(sys.argv[3], "wb").write(wheel.read(sys.argv[2]))`;
    const inside = `samcli/local/rapid/aws-lambda-rie-${process.arch === 'arm64' ? 'arm64' : 'x86_64'}`;
    const program = join(folder, 'aws-lambda-rie');
    command(['python3', '-c', unpack, wheels, inside, program]);
    chmodSync(program, 0o755);
    rmSync(wheels, { recursive: true });
  },
};

const moto: Part = {
  name: 'moto',
  pins: [motoPins],
  make(folder) {
    command(['python3', '-m', 'venv', folder]);
    command([join(folder, 'bin', 'python3'), '-m', 'pip', 'install', '-q', '--no-deps', '-r', motoPins]);
  },
};

const all = [headscale, lambdaEmulator, moto];

/** Each part's name, and what makes it if it is missing. @throws Error with the command that failed and its reason */
export const parts: Readonly<Record<string, () => string>> = Object.fromEntries(
  all.map((part) => [part.name, () => locate(part)]),
);

/** Makes the parts that are missing. @throws Error with the command that failed and its reason */
export function locateParts(): Parts {
  return {
    headscale: join(locate(headscale), 'headscale'),
    lambdaEmulator: join(locate(lambdaEmulator), 'aws-lambda-rie'),
    // Not by the script in the environment, which names the folder that it was made in.
    motoServer: [join(locate(moto), 'bin', 'python3'), '-m', 'moto.server'],
  };
}

/**
 * The same for test files that are started by themselves: minutes the first time, because Headscale is compiled.
 *
 * The kernel's lock lets files that run side by side wait for one another, and is free again if its owner dies.
 */
export async function ensureParts(): Promise<void> {
  if (process.env.POSTERN_OFFLINE || all.every((part) => existsSync(join(cacheFolder(), nameOf(part))))) {
    locateParts();
    return;
  }
  mkdirSync(cacheFolder(), { recursive: true });
  const lock = join(cacheFolder(), 'lock');
  const prepare = join(here, 'prepare.ts');
  await run(['flock', lock, process.execPath, prepare, ...Object.keys(parts)], { env: process.env });
}

function locate(part: Part): string {
  return cached(nameOf(part), function make(folder) {
    process.stderr.write(`lab: making ${part.name} in ${cacheFolder()}, once\n`);
    part.make(folder);
  });
}

function nameOf({ name, pins }: Part): string {
  const hash = createHash('sha256').update(`${process.arch}\n`);
  for (const pin of pins) hash.update(readFileSync(pin));
  return `${name}-${hash.digest('hex').slice(0, 16)}`;
}

function command(argv: readonly string[], cwd?: string): void {
  const [program, ...args] = argv as [string, ...string[]];
  const env = { ...process.env, CGO_ENABLED: '0' };
  const { status, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  throw new Error(`${argv.slice(0, 3).join(' ')}: ${reason}`);
}
