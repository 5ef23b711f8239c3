import type { Lab } from '../../test/e2e/lab/lab.ts';
import { type BenchResult, type Figure, percentile } from '../runner.ts';

/** Measures one thing in a laboratory that has just been started. */
export type Measure = (lab: Lab) => Promise<BenchResult>;

/** The results of some attempts. */
export interface Attempts {
  readonly tookMs: readonly number[];
  /** Why the others failed. */
  readonly failures: readonly string[];
}

/** One after the other; one that fails is counted and not measured. */
export async function attempt(count: number, one: () => Promise<number>): Promise<Attempts> {
  const tookMs: number[] = [];
  const failures: string[] = [];
  for (let number = 0; number < count; number += 1) {
    try {
      tookMs.push(await one());
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return { tookMs, failures };
}

export interface Goals {
  readonly p50?: string;
  readonly p99?: string;
  readonly slowest?: string;
  readonly failed?: string;
}

/** p50, p99 and the slowest, and how many failed. */
export function spread(name: string, { tookMs, failures }: Attempts, goals: Goals = {}): readonly Figure[] {
  const ms = (which: string, value: number, goal: string | undefined): Figure => ({
    ...{ name: `${name}, ${which}`, value, unit: 'ms' },
    ...(goal !== undefined && { goal }),
  });
  const { p50, p99, slowest, failed } = goals;
  return [
    ms('p50', percentile(tookMs, 0.5), p50),
    // With fewer than 100 samples the nearest rank is the slowest.
    ...(tookMs.length < 100 ? [] : [ms('p99', percentile(tookMs, 0.99), p99)]),
    ms('slowest', Math.max(...tookMs), slowest),
    {
      name: `${name}, failed`,
      value: failures.length,
      unit: '',
      ...(failed !== undefined && { goal: failed }),
    },
  ];
}

/** Writes to the terminal, because standard output is for the result. */
export function say(line: string): void {
  process.stderr.write(`  ${line}\n`);
}
