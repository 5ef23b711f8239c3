const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** The longest time that a timer of the runtime can wait, in whole days. A longer timer fires at once. */
export const maxTimerMs = 24 * unitMs.d;
const pattern = /^(0|[1-9][0-9]{0,8})(ms|s|m|h|d)$/;

/**
 * Reads a duration such as `250ms`, `5s`, `10m`, `2h` or `60d` and returns milliseconds.
 *
 * One whole number and one unit, without sums, signs or fractions. Returns undefined for anything else.
 */
export function parseDuration(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
}
