import type { Lab } from '../../test/e2e/lab/lab.ts';
import type { BenchResult } from '../runner.ts';
import { attempt, spread } from './measure.ts';
import { openPath } from './path.ts';

const requests = 1_000;
const before = 50;
/** To another sandbox first, because the client, the API and the target run in this process and must be warm when measured. */
const beforeElsewhere = 500;

/** 1 KB there and 1 KB back, one request after another, in a sandbox that runs. */
export async function measureWarm(lab: Lab): Promise<BenchResult> {
  const other = await openPath(lab);
  for (let count = 0; count < beforeElsewhere; count += 1) await other.webhook();
  await other.shutdown();
  const path = await openPath(lab);
  for (let count = 0; count < before; count += 1) await path.webhook();
  const attempts = await attempt(requests, path.webhook);
  await path.shutdown();
  return {
    method:
      `${requests} signed webhooks of 1 KB, answered with 1 KB, one after another through HTTP API (emulated), Lambda's runtime interface emulator, ` +
      `forwarder, tailscaled and WireGuard to the target's tailscaled and back, after ${before} that do not count, with a client, API and target that ${beforeElsewhere} requests to another sandbox have warmed. Times from the request's first byte to ` +
      "the answer's last. Client, API and target share one process, and all share the machine's cores.",
    figures: spread('warm', attempts, { p50: '<= 2.5', p99: '<= 8', failed: '<= 0' }),
    raw: attempts,
  };
}
