import type { Log } from '../base/log.ts';
import { createEdgeCheck, type EdgeCheck } from './edge.ts';
import { EdgeSecret, readEdgeSecret } from './edge-secret.ts';

/** Prepares the edge check while a function starts, so that its first request does not wait for the secret. Never throws. */
export async function openEdgeCheck(
  secretId: string,
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<EdgeCheck> {
  const secret = new EdgeSecret({
    read: () => readEdgeSecret(secretId, env),
    now: () => performance.now(),
    log,
  });
  await secret.prepare();
  return createEdgeCheck(secret);
}
