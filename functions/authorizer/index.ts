import { meteredLog } from '../../base/aws/emf.ts';
import { systemClock } from '../../base/clock.ts';
import { createLog } from '../../base/log.ts';
import { messageOf } from '../../base/message-of.ts';
import type { Entrance } from '../edge.ts';
import { readEnvironment } from '../environment.ts';
import { type Admit, createAuthorizer, refuseAll } from './authorizer.ts';
import { admitSources } from './source.ts';

// The function that API Gateway asks before it calls the forwarder: the source's range first, then the head-only policy.

const { env } = process;
const functionName = env.AWS_LAMBDA_FUNCTION_NAME ?? 'authorizer';
const log = meteredLog(
  createLog((line) => process.stdout.write(line)),
  { functionName, clock: systemClock },
  { refused: ({ code }) => ({ metric: { name: 'Refusals', unit: 'Count' }, value: 1, code: String(code) }) },
);

export const handler = createAuthorizer({ ...(await prepare()), clock: systemClock, log });

async function prepare(): Promise<{ admits: readonly Admit[]; entrance?: Entrance }> {
  try {
    const { sourceCidrs, config, tailnet, edgeSecretId } = readEnvironment(env);
    const sources = admitSources(sourceCidrs);
    const admits = [sources];
    // Loaded only if needed: an authorizer that only compares ranges starts in half the time.
    if (config !== undefined) {
      const { admitByPolicy } = await import('./policy.ts');
      admits.push(await admitByPolicy({ config, tailnet, env, log }));
    }
    if (edgeSecretId === undefined) return { admits };
    const { openEntrance } = await import('../edge-entrance.ts');
    return { admits, entrance: await openEntrance(edgeSecretId, env, log) };
  } catch (error) {
    return { admits: [refuseAll(messageOf(error), log)] };
  }
}
