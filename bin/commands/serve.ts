import { parseArgs } from 'node:util';
import { systemClock } from '../../gateway/clock.ts';
import { readEnvironment } from '../../gateway/environment.ts';
import { accessRecord, createLog, InvalidConfiguration, loadGateway } from '../../gateway/index.ts';
import { createSecrets } from '../../gateway/secrets/index.ts';
import { readSource } from './usage.ts';

/**
 * `postern serve`: runs the gateway on this machine until it is told to stop (SIGTERM, SIGINT).
 *
 * Exit 0 after a stop; 1 when the configuration is wrong or a port is taken. POSTERN_LISTEN and POSTERN_ADMIN stand for the options.
 */
export async function serve(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', default: process.env.POSTERN_CONFIG ?? 'postern.yaml' },
      listen: { type: 'string', default: process.env.POSTERN_LISTEN ?? '127.0.0.1:8080' },
      admin: { type: 'string', default: process.env.POSTERN_ADMIN ?? '127.0.0.1:8081' },
    },
  });
  return 0;
}
