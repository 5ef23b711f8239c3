import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** One figure: what was measured, against which goal, and whether it was met. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** `<= 200`, `>= 0.45`; undefined if it is only for comparison. */
  readonly goal?: string;
}

export interface BenchResult {
  /** How it was measured, in a sentence or two. */
  readonly method: string;
  readonly figures: readonly Figure[];
  /** What else is worth keeping: single rounds, versions of peers. */
  readonly raw?: unknown;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Why it cannot run on this machine, or undefined. */
  missing(): string | undefined;
  run(): Promise<BenchResult>;
}

const results = fileURLToPath(new URL('./results/', import.meta.url));

/** Runs the named benches, or all; returns the exit code. */
export async function runBenches(benches: readonly Bench[], names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `no bench ${unknown.join(', ')}; known are ${benches.map(({ name }) => name).join(', ')}\n`,
    );
    return 2;
  }
  await mkdir(results, { recursive: true });
  for (const bench of benches) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    const missing = bench.missing();
    if (missing !== undefined) {
      process.stdout.write(`${bench.name}: skipped, ${missing}\n`);
      continue;
    }
    process.stdout.write(`${bench.name}: ${bench.about}\n`);
    const result = await bench.run();
    process.stdout.write(`${table(result.figures)}\n`);
    const record = { bench: bench.name, measured: new Date().toISOString(), machine: machine(), ...result };
    await writeFile(`${results}${bench.name}.json`, `${JSON.stringify(record, undefined, 2)}\n`);
  }
  return 0;
}

function isMet({ value, goal }: Figure): boolean | undefined {
  const match = /^(<=|>=) ([0-9.]+)$/.exec(goal ?? '');
  if (match === null) return undefined;
  return match[1] === '<=' ? value <= Number(match[2]) : value >= Number(match[2]);
}

/** The value below which a share `p` (0 to 1) of the samples is: the nearest rank. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

function table(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  const lines = figures.map((figure) => {
    const met = isMet(figure);
    const verdict = met === undefined ? '' : `${figure.goal} ${met ? 'met' : 'NOT MET'}`;
    return `  ${figure.name.padEnd(width)}  ${String(round(figure.value)).padStart(9)} ${figure.unit.padEnd(8)} ${verdict}`.trimEnd();
  });
  return lines.join('\n');
}

export function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}

function machine(): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}
