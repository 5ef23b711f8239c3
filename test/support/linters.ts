import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../e2e/lab/cache.ts';

/** The linters that come from Python's registry, in versions that the pins name. */
export interface Linters {
  /** cfn-lint: checks templates against CloudFormation's own schemas. Takes its arguments after these. */
  readonly cfnLint: readonly string[];
  readonly shellcheck: readonly string[];
}

const pins = join(import.meta.dirname, '..', 'e2e', 'lab', 'pins', 'lint.txt');

/**
 * Installs the linters into the cache outside the tree, once for each content of the pins, or says in one line why not.
 *
 * Two test files may do it at the same time: each into a folder of its own, and the first to finish gives its folder the name.
 */
export function findLinters(): Linters | string {
  const hash = createHash('sha256').update(`${process.arch}\n`).update(readFileSync(pins)).digest('hex');
  const folder = join(cacheFolder(), `linters-${hash.slice(0, 16)}`);
  if (!existsSync(folder)) {
    const reason = install(folder);
    if (reason !== undefined) return reason;
  }
  // Not by the script of the environment, which names the folder that it was made in.
  const start = 'import sys; from cfnlint.runner import main; sys.exit(main())';
  return {
    cfnLint: [join(folder, 'bin', 'python3'), '-c', start],
    shellcheck: [join(folder, 'bin', 'shellcheck')],
  };
}

function install(folder: string): string | undefined {
  const making = `${folder}.${process.pid}`;
  mkdirSync(cacheFolder(), { recursive: true });
  process.stderr.write(`lab: installing cfn-lint into ${cacheFolder()}, once\n`);
  const steps = [
    ['python3', '-m', 'venv', making],
    [join(making, 'bin', 'python3'), '-m', 'pip', 'install', '-q', '--no-deps', '-r', pins],
  ] as const;
  try {
    for (const [command, ...args] of steps) {
      const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 240_000 });
      if (status !== 0) {
        const words = error?.message ?? stderr.trim().split('\n').at(-1) ?? '';
        return `needs Python 3.11 with venv and its registry: ${command} ${args[1]}: ${words}`;
      }
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
