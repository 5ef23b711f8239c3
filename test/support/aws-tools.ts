import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../e2e/lab/cache.ts';

/** What comes from Python's registry to check templates, in versions that the pins name; each takes its arguments after these. */
export interface AwsTools {
  /** Checks templates against CloudFormation's own schemas. */
  readonly cfnLint: readonly string[];
  readonly shellcheck: readonly string[];
  /** Python with moto and its CloudFormation. */
  readonly python: readonly string[];
}

const pins = join(import.meta.dirname, '..', 'e2e', 'lab', 'pins', 'aws-tools.txt');

/**
 * Installs the tools into the cache outside the tree, once for each content of the pins, or says in one line why not.
 *
 * Test files may do it at the same time: each into a folder of its own, and the first to finish gives its folder the name.
 */
export function findAwsTools(): AwsTools | string {
  const hash = createHash('sha256').update(`${process.arch}\n`).update(readFileSync(pins)).digest('hex');
  const folder = join(cacheFolder(), `aws-tools-${hash.slice(0, 16)}`);
  if (!existsSync(folder)) {
    const reason = install(folder);
    if (reason !== undefined) return reason;
  }
  // Not by the scripts of the environment, which name the folder that it was made in.
  const python = join(folder, 'bin', 'python3');
  const cfnLint = 'import sys; from cfnlint.runner import main; sys.exit(main())';
  return {
    python: [python],
    cfnLint: [python, '-c', cfnLint],
    shellcheck: [join(folder, 'bin', 'shellcheck')],
  };
}

function install(folder: string): string | undefined {
  const making = `${folder}.${process.pid}`;
  mkdirSync(cacheFolder(), { recursive: true });
  process.stderr.write(`lab: installing cfn-lint and moto into ${cacheFolder()}, once\n`);
  const steps = [
    ['python3', '-m', 'venv', making],
    [join(making, 'bin', 'python3'), '-m', 'pip', 'install', '-q', '--no-deps', '-r', pins],
  ] as const;
  try {
    for (const [command, ...args] of steps) {
      const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 240_000 });
      if (status === 0) continue;
      const words = error?.message ?? stderr.trim().split('\n').at(-1) ?? '';
      return `needs Python 3.11 or newer with venv, and its registry: ${command} -m ${args[1]}: ${words}`;
    }
    if (!existsSync(folder)) renameSync(making, folder);
    return undefined;
  } catch (error) {
    // Somebody else was quicker, and theirs is as good.
    if (existsSync(folder)) return undefined;
    throw error;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}
