import type { ProblemCollector } from './collector.ts';

/**
 * Makes something from options once for all places with equal options.
 *
 * If that causes an error or a warning, it is made again for each place, so that every place is reported.
 */
export class SharedByValue<Made> {
  readonly #made = new Map<string, Made>();
  readonly #problems: ProblemCollector;

  constructor(problems: ProblemCollector) {
    this.#problems = problems;
  }

  async get(options: unknown, make: () => Promise<Made>): Promise<Made> {
    const key = textOf(options);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const before = this.#problems.count;
    const made = await make();
    if (this.#problems.count === before) this.#made.set(key, made);
    return made;
  }
}

let others = 0;

/** A text that is the same exactly for equal values. The order of keys counts, because it can matter for headers. Values that JSON cannot distinguish, such as two Maps, are never equal. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (isPlainObject(value)) {
    const entries = Object.entries(value);
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${textOf(inner)}`).join()}}`;
  }
  if (value === null || value === undefined || typeof value === 'boolean' || Number.isFinite(value))
    return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  others += 1;
  return `#${others}`;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
