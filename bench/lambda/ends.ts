import type { Lab } from '../../test/e2e/lab/lab.ts';
import type { BenchResult } from '../runner.ts';
import { attempt, say, spread } from './measure.ts';
import { functionEnv, openPath } from './path.ts';

const sandboxes = 10;
const recoveryLimitMs = 20_000;

/** How soon a sandbox works again after its tailscaled was killed, how soon it leaves, and how soon it reports that it cannot start. */
export async function measureEnds(lab: Lab): Promise<BenchResult> {
  const shutdownMs: number[] = [];

  async function recovery(): Promise<number> {
    const path = await openPath(lab);
    try {
      await path.webhook();
      const daemon = path.forwarder.processes().find(({ argv }) => argv[0]?.endsWith('tailscaled'));
      if (daemon === undefined) throw new Error('there is no tailscaled');
      process.kill(daemon.pid, 'SIGKILL');
      const killedMs = performance.now();
      await untilAnswered(() => path.webhook(), killedMs + recoveryLimitMs);
      return performance.now() - killedMs;
    } finally {
      const toldMs = performance.now();
      await path.shutdown();
      shutdownMs.push(performance.now() - toldMs);
    }
  }

  async function failedStart(): Promise<number> {
    const path = await openPath(lab, {
      env: { ...functionEnv, POSTERN_TAILNET_SECRET_ID: 'no/such' },
    });
    const startedMs = performance.now();
    await path.webhook().catch(() => {});
    const tookMs = performance.now() - startedMs;
    const told = path.forwarder.log.json.some(({ event }) => event === 'init failed');
    await path.forwarder.kill();
    if (!told) throw new Error('it did not say that it cannot start');
    return tookMs;
  }

  const recoveries = await attempt(sandboxes, recovery);
  const starts = await attempt(sandboxes, failedStart);
  for (const failure of [...recoveries.failures, ...starts.failures]) say(failure);
  return {
    method:
      `${sandboxes} sandboxes one after the other: one signed webhook, then SIGKILL to tailscaled and webhooks until one is answered, then the ` +
      `emulator's SHUTDOWN until all processes have ended. ${sandboxes} more name a secret that does not exist: from the first event to its refusal.`,
    figures: [
      ...spread('recovery after tailscaled was killed', recoveries, { slowest: '<= 2000', failed: '<= 0' }),
      ...spread('shutdown', { tookMs: shutdownMs, failures: [] }, { slowest: '<= 1000' }),
      ...spread('start without its secret', starts, { slowest: '<= 1500', failed: '<= 0' }),
    ],
    raw: { recoveries, shutdownMs, starts },
  };
}

async function untilAnswered(ask: () => Promise<unknown>, endMs: number): Promise<void> {
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}
