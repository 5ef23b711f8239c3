import { setTimeout as sleep } from 'node:timers/promises';
import { ignore } from '../../base/ignore.ts';
import type { CpuGroup } from '../../test/e2e/lab/cpu.ts';
import type { Sandbox } from '../../test/e2e/lab/sandbox.ts';
import { type Report, readReports } from './reports.ts';
import { untilAtRest } from './rest.ts';

// What measurements at a memory size share: its share of a CPU, and when that begins.

const mbPerCpu = 1_769;
/** Above this share the work of a request may fit into it, and a limit that slows nothing down is not a mistake. */
const surelyThrottled = 0.3;

/** Lambda's share of a CPU for a memory size: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
export function cpusOf(memoryMb: number): number {
  return memoryMb / mbPerCpu;
}

/** Whether the share holds from the first instruction, or, as Lambda gives more CPU during init, from the first event on. */
export type Limited = 'always' | 'after init';

export interface ColdStart {
  readonly initMs: number;
  /** The duration of the first event, without init. */
  readonly firstMs: number;
}

/** Sends a sandbox its first event under the share of a memory size, which it keeps. Whether the share held is for the caller to check. */
export async function coldStartUnder(
  { sandbox, memoryMb, limited }: { sandbox: Sandbox; memoryMb: number; limited: Limited },
  send: () => Promise<unknown>,
): Promise<ColdStart> {
  const cpu = sandbox.cpu as CpuGroup;
  const limit = (): void => cpu.limit(cpusOf(memoryMb));
  if (limited === 'always') limit();
  else {
    // A send that fails says why; this wait does not have to.
    const waited = sandbox.log.waitFor(({ text }) => text.includes('INVOKE START'), 'the first event');
    waited.then(limit, ignore);
  }
  await send();
  const [first] = await reportsOf(sandbox, 1);
  if (first?.initMs === undefined) throw new Error('the emulator reported no init');
  return { initMs: first.initMs, firstMs: first.durationMs };
}

/** The reports of a sandbox's log as soon as there are `count`: the emulator answers before it writes one. */
export async function reportsOf(sandbox: Sandbox, count: number): Promise<readonly Report[]> {
  const end = Date.now() + 5_000;
  while (reportsNow(sandbox).length < count) {
    if (Date.now() > end) throw new Error(`the emulator wrote fewer than ${count} reports`);
    await sleep(5);
  }
  return reportsNow(sandbox);
}

function reportsNow(sandbox: Sandbox): readonly Report[] {
  return readReports(linesOf(sandbox));
}

export function linesOf({ log }: Sandbox): readonly string[] {
  return log.lines.map(({ text }) => text);
}

/** A limit that slowed nothing down did not work, and the figure would be that of another bench. */
export function checkThrottled(cpu: CpuGroup, memoryMb: number): void {
  if (cpusOf(memoryMb) <= surelyThrottled && cpu.throttledMs() === 0)
    throw new Error(`the limit of the CPU share of ${memoryMb} MB held nothing back`);
}

/** Waits for a machine at rest, but no longer than a limit for all waits together, and counts those that were in vain. */
export class Patience {
  #leftMs: number;
  waits = 0;
  missed = 0;

  constructor(limitMs: number) {
    this.#leftMs = limitMs;
  }

  async wait(): Promise<void> {
    const startMs = Date.now();
    this.waits += 1;
    if (!(await untilAtRest(this.#leftMs))) this.missed += 1;
    this.#leftMs = Math.max(0, this.#leftMs - (Date.now() - startMs));
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** For an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return mean(sorted.slice(middle - 1, middle + 1));
}
