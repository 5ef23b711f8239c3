import { meteredLog } from '../../base/aws/emf.ts';
import { systemClock } from '../../base/clock.ts';
import { createLog } from '../../base/log.ts';
import { messageOf } from '../../base/message-of.ts';
import type { EdgeCheck } from '../edge.ts';
import { readEnvironment } from '../environment.ts';
import { type AccessCheck, createAuthorizer, refuseAll } from './authorizer.ts';
import { createSourceCheck } from './source.ts';

// The function that API Gateway asks before it calls the forwarder: the source's range first, then the head-only policy.

const { env } = process;
const functionName = env.AWS_LAMBDA_FUNCTION_NAME ?? 'authorizer';
const log = meteredLog(
  createLog((line) => process.stdout.write(line)),
  { functionName, clock: systemClock },
  { refused: ({ code }) => ({ metric: { name: 'Refusals', unit: 'Count' }, value: 1, code: String(code) }) },
);

export const handler = createAuthorizer({ ...(await prepare()), clock: systemClock, log });

async function prepare(): Promise<{ checks: readonly AccessCheck[]; edgeCheck?: EdgeCheck }> {
  try {
    const { sourceCidrs, config, tailnet, edgeSecretId } = readEnvironment(env);
    const sources = createSourceCheck(sourceCidrs);
    const checks = [sources];
    // Loaded only if needed: an authorizer that only compares ranges starts in half the time.
    if (config !== undefined) {
      const { openPolicyCheck } = await import('./policy.ts');
      checks.push(await openPolicyCheck({ config, tailnet, env, log }));
    }
    if (edgeSecretId === undefined) return { checks };
    const { openEdgeCheck } = await import('../edge-check.ts');
    return { checks, edgeCheck: await openEdgeCheck(edgeSecretId, env, log) };
  } catch (error) {
    return { checks: [refuseAll(messageOf(error), log)] };
  }
}
