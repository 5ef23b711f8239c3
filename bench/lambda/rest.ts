import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const windowMs = 150;
const atRestShare = 0.1;
/** Then it is measured anyway, because some machines are never at rest. */
const patienceMs = 60_000;

/**
 * Waits until nothing else keeps the machine's cores busy, so that only the start is measured.
 *
 * @returns whether it is at rest, or `limitMs` was over
 */
export async function untilAtRest(limitMs: number = patienceMs): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    const before = readTicks();
    await sleep(windowMs);
    const after = readTicks();
    if ((after.busy - before.busy) / (after.all - before.all) <= atRestShare) return true;
  }
  return false;
}

/** The times of all cores since the machine started (proc(5): user nice system idle iowait irq softirq steal). */
function readTicks(): { readonly busy: number; readonly all: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] as string;
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, one) => sum + one, 0);
  return { busy: all - (ticks[3] as number) - (ticks[4] as number), all };
}
