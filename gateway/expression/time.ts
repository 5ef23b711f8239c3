import { EvaluationError } from './errors.ts';

/** A span of time, in milliseconds with fractions. */
export class Duration {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  /** As CEL writes it: seconds with fractions and `s`. */
  toString(): string {
    return `${this.ms / 1000}s`;
  }
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const durationPattern = /^([-+]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|ms|s|m|h))+$/;
const durationPart = /(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h)/g;
const maxDurationMs = 315_576_000_000_000;

/** Reads a duration such as `1h30m` or `-1.5s` (CEL's standard definitions, duration). */
export function parseDuration(text: string): Duration {
  const match = text.length > 64 ? null : durationPattern.exec(text);
  if (match === null) throw new EvaluationError(`${quote(text)} is no duration such as 90s or 1h30m`);
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(durationPart))
    ms += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return durationOf(match[1] === '-' ? -ms : ms);
}

/** @throws EvaluationError beyond about 10,000 years */
export function durationOf(ms: number): Duration {
  if (!(Math.abs(ms) <= maxDurationMs)) throw new EvaluationError('a duration is out of range');
  return new Duration(ms);
}

const timestampPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const minTimestampMs = -62_135_596_800_000;
const maxTimestampMs = 253_402_300_799_999;

/** Reads a timestamp in the form of RFC 3339. */
export function parseTimestamp(text: string): Date {
  if (!timestampPattern.test(text)) {
    throw new EvaluationError(`${quote(text)} is no timestamp such as 2030-01-31T08:00:00Z`);
  }
  return timestampOf(Date.parse(text));
}

/** @throws EvaluationError outside the years 1 to 9999 */
export function timestampOf(ms: number): Date {
  if (!(ms >= minTimestampMs && ms <= maxTimestampMs))
    throw new EvaluationError('a timestamp is out of range');
  return new Date(ms);
}

type Part = (date: Date) => number;

const dayMs = 86_400_000;

/** The parts of a timestamp that expressions can ask for. Months, and days of the month and year, count from 0. */
export const timestampParts: Readonly<Record<string, Part>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMs),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

export const durationParts: Readonly<Record<string, (duration: Duration) => number>> = {
  getHours: ({ ms }) => Math.trunc(ms / 3_600_000),
  getMinutes: ({ ms }) => Math.trunc(ms / 60_000),
  getSeconds: ({ ms }) => Math.trunc(ms / 1000),
  getMilliseconds: ({ ms }) => Math.trunc(ms),
};

/**
 * Makes a function that moves a timestamp so that its UTC parts read as the local ones of a time zone.
 *
 * @throws RangeError for a zone that is not known
 */
export function zoneShift(timeZone: string): (date: Date) => Date {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: /^[+-]?\d{2}:\d{2}$/.test(timeZone) && /^\d/.test(timeZone) ? `+${timeZone}` : timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return function shift(date) {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(date)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return new Date(Date.UTC(year, month - 1, day, hour, minute, second, date.getUTCMilliseconds()));
  };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
