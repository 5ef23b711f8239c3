import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../../extension/layer/cache.ts';

/** What comes from Python's registry to check what is deployed, in the versions of the pins; each takes its arguments after these. */
export interface AwsTools {
  /** Checks templates against CloudFormation's own schemas. */
  readonly cfnLint: readonly string[];
  readonly shellcheck: readonly string[];
  /** AWS's command line, which Amazon Linux has too. */
  readonly aws: readonly string[];
  /** Python with moto, its CloudFormation, and AWS's library. */
  readonly python: readonly string[];
}

const pins = join(import.meta.dirname, '..', 'e2e', 'lab', 'pins', 'aws-tools.txt');

/** Installs the tools into the cache outside the tree, once for each content of the pins, or says in one line why not. */
export function findAwsTools(): AwsTools | string {
  const hash = createHash('sha256').update(`${process.arch}\n`).update(readFileSync(pins)).digest('hex');
  try {
    const folder = cached(`aws-tools-${hash.slice(0, 16)}`, install);
    // Not by the scripts of the environment, which name the folder that it was made in.
    const python = join(folder, 'bin', 'python3');
    const cfnLint = 'import sys; from cfnlint.runner import main; sys.exit(main())';
    return {
      python: [python],
      aws: [python, '-m', 'awscli'],
      cfnLint: [python, '-c', cfnLint],
      shellcheck: [join(folder, 'bin', 'shellcheck')],
    };
  } catch (error) {
    return `needs Python 3.11 or newer with venv, and its registry: ${(error as Error).message}`;
  }
}

function install(folder: string): void {
  process.stderr.write('lab: installing cfn-lint, moto and the AWS command line into the cache, once\n');
  run('python3', '-m', 'venv', folder);
  run(join(folder, 'bin', 'python3'), '-m', 'pip', 'install', '-q', '--no-deps', '-r', pins);
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  const words = error?.message ?? stderr.trim().split('\n').at(-1) ?? '';
  throw new Error(`${command} ${args.slice(0, 2).join(' ')}: ${words}`);
}
