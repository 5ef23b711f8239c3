import type { Lab } from '../../test/e2e/lab/lab.ts';
import type { ProcessMemory } from '../../test/e2e/lab/proc.ts';
import { smallMemory } from '../../test/e2e/lab/small-memory.ts';
import type { BenchResult } from '../runner.ts';
import { functionEnv, openPath } from './path.ts';

const small = 300;
const bodies = 50;
const bodyBytes = 4 * 1024 * 1024;
const sampleMs = 20;
const megabyte = 1e6;

/** What function, extension and tailscaled hold in memory: after small requests, and at any moment of large bodies. */
export async function measureMemory(lab: Lab): Promise<BenchResult> {
  const path = await openPath(lab, { env: { ...functionEnv, ...smallMemory } });
  for (let sent = 0; sent < small; sent += 1) await path.webhook();
  const afterSmall = path.forwarder.processes();

  const body = Buffer.alloc(bodyBytes, 'x');
  const afterEach: number[] = [];
  const tookMs: number[] = [];
  let most = afterSmall;
  const sampler = setInterval(function sample() {
    const now = path.forwarder.processes();
    if (resident(now) > resident(most)) most = now;
  }, sampleMs);
  for (let sent = 0; sent < bodies; sent += 1) {
    tookMs.push(await path.bytes(body));
    afterEach.push(resident(path.forwarder.processes()));
  }
  clearInterval(sampler);
  await path.shutdown();
  return {
    method:
      `Resident memory (VmRSS in /proc) of the function's runtime, the extension and tailscaled, summed, so that pages which they share count more than once; ` +
      `after ${small} signed webhooks of 1 KB, then read every ${sampleMs} ms and after each of ${bodies} bodies of 4 MB there and back. The emulator is not counted. With the environment of docs/functions.md: ${JSON.stringify(smallMemory)}.`,
    figures: [
      { name: 'resident after small requests', value: resident(afterSmall), unit: 'MB' },
      {
        name: 'resident after a body of 4 MB, most',
        value: Math.max(...afterEach),
        unit: 'MB',
        goal: '<= 250',
      },
      { name: 'resident at any moment, most', value: resident(most), unit: 'MB', goal: '<= 250' },
      { name: 'a body of 4 MB there and back, median', value: median(tookMs), unit: 'ms' },
    ],
    raw: { afterSmall: named(afterSmall), most: named(most), afterEach, tookMs },
  };
}

function resident(processes: readonly ProcessMemory[]): number {
  return processes.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / megabyte;
}

function named(
  processes: readonly ProcessMemory[],
): readonly { readonly program: string; readonly residentMb: number }[] {
  return processes.map(({ argv, residentBytes }) => ({
    program: argv.slice(0, 2).join(' '),
    residentMb: residentBytes / megabyte,
  }));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
