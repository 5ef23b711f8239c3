import { parseArgs } from 'node:util';
import { uncheckedSecrets } from '../../adapters/secrets/unchecked.ts';
import { systemClock } from '../../base/clock.ts';
import { authorizerProfile, forwarderProfile } from '../../functions/profiles.ts';
import {
  type ConfigurationProblem,
  formatProblem,
  InvalidConfiguration,
  loadGateway,
  noMetrics,
  readTailnetPorts,
} from '../../gateway/index.ts';
import { mostHeldBodyBytes } from '../../server/limits.ts';
import { serverProfile } from '../../server/profile.ts';
import { readSource, UsageError } from './usage.ts';

/**
 * `postern check FILE`: loads a configuration as a host would, except that secrets are not read, and says which host lacks what.
 *
 * Exit 0 when it could be served, with warnings at their places; 1 with every error at its place. What is not set on
 * this machine is a note, not an error. `--json` prints all of it as one object.
 */
export async function check(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1)
    throw new UsageError('usage: postern check FILE [--json]');
  const source = await readSource(file);
  const secrets = uncheckedSecrets();
  let errors: readonly ConfigurationProblem[] = [];
  let warnings: readonly ConfigurationProblem[] = [];
  try {
    const { gateway } = await loadGateway(source, {
      clock: systemClock,
      log: silent,
      metrics: noMetrics,
      secrets,
      tailnet: readTailnetPorts(process.env),
      mostHeldBodyBytes,
      hosts,
      warned(found) {
        warnings = found;
      },
    });
    await gateway.close();
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    errors = error.problems;
  }
  const findings: Findings = { file, errors, warnings, notes: errors.length > 0 ? [] : secrets.notes() };
  if (values.json) process.stdout.write(`${asJson(findings)}\n`);
  else printText(findings);
  return errors.length > 0 ? 1 : 0;
}

interface Findings {
  readonly file: string;
  readonly errors: readonly ConfigurationProblem[];
  readonly warnings: readonly ConfigurationProblem[];
  /** What could not be checked on this machine. */
  readonly notes: readonly string[];
}

function printText({ file, errors, warnings, notes }: Findings): void {
  for (const error of errors) process.stderr.write(`${formatProblem(file, error)}\n`);
  for (const warning of warnings) process.stderr.write(`warning: ${formatProblem(file, warning)}\n`);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  if (errors.length > 0) process.stderr.write(`${counted(errors.length, 'error')}\n`);
  else process.stdout.write(`${file} is in order${andWarnings(warnings.length)}\n`);
}

function andWarnings(count: number): string {
  return count === 0 ? '' : `, with ${counted(count, 'warning')}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `{ file, problems: [{ severity, code, path, line, column, message, hint }], notes }`, errors first. */
function asJson({ file, errors, warnings, notes }: Findings): string {
  const problems = [
    ...errors.map((problem) => ({ severity: 'error', ...problem })),
    ...warnings.map((problem) => ({ severity: 'warning', ...problem })),
  ];
  return JSON.stringify({ file, problems, notes });
}

/** Those that may serve the configuration. */
const hosts = [serverProfile, forwarderProfile, authorizerProfile];

const silent = { info() {}, warn() {}, error() {} };
