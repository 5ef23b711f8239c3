import type { Log } from '../base/log.ts';
import { type Entrance, throughEdge } from './edge.ts';
import { EdgeSecret, readEdgeSecret } from './edge-secret.ts';

/** Opens the entrance behind the edge while a function starts, so that its first request does not wait for the secret. Never throws. */
export async function openEntrance(
  secretId: string,
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<Entrance> {
  const secret = new EdgeSecret({
    read: () => readEdgeSecret(secretId, env),
    now: () => performance.now(),
    log,
  });
  await secret.prepare();
  return throughEdge(secret);
}
