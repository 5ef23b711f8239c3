import { parseArgs } from 'node:util';
import { systemClock } from '../../gateway/clock.ts';
import { readEnvironment } from '../../gateway/environment.ts';
import { InvalidConfiguration, loadGateway } from '../../gateway/index.ts';
import { uncheckedSecrets } from '../../gateway/secrets/unchecked.ts';
import { readSource, UsageError } from './usage.ts';

/**
 * `postern check FILE`: loads a configuration as a host would, but for the secrets, which are not read.
 *
 * Exit 0 when it could be served; 1 with every error at its place. What is not set on this machine is a note, no error.
 */
export async function check(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new UsageError('usage: postern check FILE');
  const source = await readSource(file);
  const secrets = uncheckedSecrets();
  try {
    const gateway = await loadGateway(source, {
      clock: systemClock,
      log: silent,
      secrets,
      tailnet: readEnvironment(process.env).tailnet,
    });
    await gateway.close();
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    const count = error.problems.length;
    process.stderr.write(`${error.message}\n${count} ${count === 1 ? 'error' : 'errors'}\n`);
    return 1;
  }
  for (const note of secrets.notes()) process.stderr.write(`note: ${note}\n`);
  process.stdout.write(`${file} is in order\n`);
  return 0;
}

const silent = { info() {}, warn() {}, error() {} };
