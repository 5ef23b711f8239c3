import { ignore } from '../../base/ignore.ts';
import type { CpuGroup } from '../../test/e2e/lab/cpu.ts';
import type { Lab } from '../../test/e2e/lab/lab.ts';
import type { BenchResult } from '../runner.ts';
import { type Attempts, attempt, spread } from './measure.ts';
import { openPath, type Path } from './path.ts';
import { untilAtRest } from './rest.ts';

/** What Lambda gives a function of 256 MB: 1,769 MB are one CPU. */
const cpus = 256 / 1_769;
const starts = 10;
const requests = 300;

/** Cold and warm under the CPU share of a function of 256 MB. */
export async function measureShare(lab: Lab): Promise<BenchResult> {
  const always = await attempt(starts, () => coldStart(lab, 'always'));
  const afterInit = await attempt(starts, () => coldStart(lab, 'after init'));
  const warm = await measureWarm(lab);
  return {
    method:
      `As cold (${starts} starts) and warm (${requests} requests), with every process of the sandbox, the emulator among them, in a cgroup that has ${cpus.toFixed(3)} of a CPU ` +
      '(20 ms periods): from the first instruction, and, as Lambda gives more CPU during init, free until extension and function have both asked for their first event.',
    figures: [
      ...spread('cold, share from the first instruction', always),
      ...spread('cold, free until init is done', afterInit),
      ...spread('warm', warm),
    ],
    raw: { always, afterInit, warm },
  };
}

async function coldStart(lab: Lab, limited: 'always' | 'after init'): Promise<number> {
  const { path, cpu } = await openLimited(lab);
  try {
    await untilAtRest();
    if (limited === 'always') cpu.limit(cpus);
    else {
      path.forwarder.log
        .waitFor(({ text }) => text.includes('INVOKE START'), 'the first event')
        .then(() => cpu.limit(cpus), ignore);
    }
    const tookMs = await path.webhook();
    checkThrottled(cpu);
    return tookMs;
  } finally {
    cpu.limit(undefined);
    await path.shutdown();
  }
}

async function measureWarm(lab: Lab): Promise<Attempts> {
  const { path, cpu } = await openLimited(lab);
  await path.webhook();
  cpu.limit(cpus);
  // Not measured: what is left of the start.
  await attempt(30, path.webhook);
  const attempts = await attempt(requests, path.webhook);
  checkThrottled(cpu);
  cpu.limit(undefined);
  await path.shutdown();
  return attempts;
}

async function openLimited(lab: Lab): Promise<{ path: Path; cpu: CpuGroup }> {
  const path = await openPath(lab, { cpuGroup: true });
  return { path, cpu: path.forwarder.cpu as CpuGroup };
}

/** A limit that slowed nothing down did not work, and the figure would be that of another bench. */
function checkThrottled(cpu: CpuGroup): void {
  if (cpu.throttledMs() === 0) throw new Error('the limit of the CPU share held nothing back');
}
