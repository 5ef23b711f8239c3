import type { Lab } from '../../test/e2e/lab/lab.ts';
import { type BenchResult, type Figure, percentile } from '../runner.ts';
import { attempt, say, spread } from './measure.ts';
import { openPath } from './path.ts';
import { type Phases, phaseNames, readPhases } from './phases.ts';
import { untilAtRest } from './rest.ts';

const starts = 30;
/** The first one finds the machine's caches cold, unlike all later ones. */
const before = 2;

/** The first request of a sandbox: everything between the client and the target is started for it. */
export async function measureCold(lab: Lab): Promise<BenchResult> {
  const phases: Phases[] = [];
  const tunnels: unknown[] = [];

  async function coldStart(): Promise<number> {
    const path = await openPath(lab);
    try {
      await untilAtRest();
      const startedMs = Date.now();
      const tookMs = await path.webhook();
      phases.push(readPhases(path.forwarder, startedMs, tookMs));
      tunnels.push(path.forwarder.log.json.find(({ event }) => event === 'tunnel ready'));
      return tookMs;
    } finally {
      await path.shutdown();
    }
  }

  await attempt(before, coldStart);
  phases.length = 0;
  tunnels.length = 0;
  const attempts = await attempt(starts, coldStart);
  for (const failure of attempts.failures) say(failure);
  return {
    method:
      `${starts} sandboxes one after the other, each new: the first signed webhook of 1 KB makes the emulator start the extension (registers, reads the key, joins the ` +
      `tailnet, proves the target) and the function (loads postern.json), and goes through to the private target. Files are in the machine's cache after ${before} starts that do ` +
      'not count; each start waits until the machine is at rest; the CPU is not limited; Headscale is on the same machine.',
    figures: [
      ...spread('cold', attempts, { p50: '<= 200', slowest: '<= 1000', failed: '<= 0' }),
      ...phaseNames.map(
        (name): Figure => ({
          name: `until ${words(name)}, p50`,
          value: percentile(
            phases.map((one) => one[name]),
            0.5,
          ),
          unit: 'ms',
        }),
      ),
    ],
    raw: { ...attempts, phases, tunnels },
  };
}

function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
