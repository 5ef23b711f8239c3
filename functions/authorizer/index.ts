import { readEnvironment } from '../../gateway/environment.ts';
import { createLog } from '../../gateway/log.ts';
import { meteredLog } from '../../gateway/metric.ts';
import { type Admit, createAuthorizer, refuseAll } from './authorizer.ts';
import { admitSources } from './source.ts';

// The function that API Gateway asks before it calls the forwarder: the source's range first, then the head-only policy.

const { env } = process;
const functionName = env.AWS_LAMBDA_FUNCTION_NAME ?? 'authorizer';
const log = meteredLog(
  createLog((line) => process.stdout.write(line)),
  { functionName, now: Date.now },
  { refused: ({ code }) => ({ metric: { name: 'Refusals', unit: 'Count' }, value: 1, code: String(code) }) },
);

export const handler = createAuthorizer({ admits: await prepare(), log, now: Date.now });

async function prepare(): Promise<readonly Admit[]> {
  try {
    const { sourceCidrs, config, tailnet } = readEnvironment(env);
    const sources = admitSources(sourceCidrs);
    if (config === undefined) return [sources];
    // Loaded only when it is needed: an authorizer of ranges alone starts in half the time.
    const { admitByPolicy } = await import('./policy.ts');
    return [sources, await admitByPolicy({ config, tailnet, env, log })];
  } catch (error) {
    return [refuseAll(error instanceof Error ? error.message : String(error), log)];
  }
}
