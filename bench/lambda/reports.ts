/** What the emulator reports about one invocation, in the words of Lambda's own report lines. */
export interface Report {
  /** What would be billed for the invocation: from the event to the moment when everything asks for the next one. */
  readonly durationMs: number;
  /** Set when this invocation was the sandbox's first: how long init took, which Lambda bills too. */
  readonly initMs?: number;
}

const init = /\bINIT REPORT\(durationMs: ([0-9.]+)\)/;
const report = /^REPORT RequestId: \S+\t(?:Init Duration: [0-9.]+ ms\t)?Duration: ([0-9.]+) ms\t/;

/**
 * Reads the reports out of a sandbox's log, in their order.
 *
 * The emulator counts init into the first invocation's duration and says how long it was on a line before; Lambda
 * reports them separately, and so does this.
 */
export function readReports(lines: readonly string[]): readonly Report[] {
  const reports: Report[] = [];
  let initMs: number | undefined;
  for (const line of lines) {
    const started = init.exec(line)?.[1];
    if (started !== undefined) initMs = Number(started);
    const duration = report.exec(line)?.[1];
    if (duration === undefined) continue;
    reports.push(
      initMs === undefined
        ? { durationMs: Number(duration) }
        : { durationMs: Number(duration) - initMs, initMs },
    );
    initMs = undefined;
  }
  return reports;
}
