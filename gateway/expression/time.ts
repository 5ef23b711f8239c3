import { EvaluationError } from './errors.ts';

/** An exact span of time, in nanoseconds, within 64 bits (292 years). */
export class Duration {
  readonly ns: bigint;

  /** @throws EvaluationError beyond 64 bits */
  constructor(ns: bigint) {
    if (BigInt.asIntN(64, ns) !== ns) throw new EvaluationError('a duration is out of range');
    this.ns = ns;
  }

  /** In CEL's format: seconds with fractions and `s`. */
  toString(): string {
    const size = this.ns < 0n ? -this.ns : this.ns;
    return `${this.ns < 0n ? '-' : ''}${size / second}${fraction(size % second)}s`;
  }
}

/** An exact moment, in nanoseconds since 1970, in the years 1 to 9999. */
export class Timestamp {
  readonly ns: bigint;

  /** @throws EvaluationError outside the years 1 to 9999 */
  constructor(ns: bigint) {
    if (ns < least || ns > most) throw new EvaluationError('a timestamp is out of range');
    this.ns = ns;
  }

  static fromDate(date: Date): Timestamp {
    return new Timestamp(BigInt(date.getTime()) * milli);
  }

  /** Truncated to milliseconds. */
  toDate(): Date {
    return new Date(Number(floorDivide(this.ns, milli)));
  }

  /** In the format of RFC 3339, in UTC. */
  toString(): string {
    return `${this.toDate().toISOString().slice(0, 19)}${fraction(this.ns - floorDivide(this.ns, second) * second)}Z`;
  }
}

const milli = 1_000_000n;
const second = 1_000_000_000n;
const minute = 60n * second;
const hour = 60n * minute;
const least = -62_135_596_800n * second;
const most = 253_402_300_800n * second - 1n;

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}

/** Whole seconds since 1970. */
export function secondsOf({ ns }: Timestamp): bigint {
  return floorDivide(ns, second);
}

/** `.5` for half a second, empty for a whole one. */
function fraction(ns: bigint): string {
  return ns === 0n ? '' : `.${String(ns).padStart(9, '0').replace(/0+$/, '')}`;
}

const unitNs: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: milli,
  s: second,
  m: minute,
  h: hour,
};
export const longestDuration = 64;
const durationPattern = /^([-+]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|ms|s|m|h))+|0)$/;
const durationPart = /(\d*)(?:\.(\d*))?(ns|us|ms|s|m|h)/g;

/** Reads a duration such as `1h30m` or `-1.5s` (CEL's standard definitions, duration). */
export function parseDuration(text: string): Duration {
  const match = text.length > longestDuration ? null : durationPattern.exec(text);
  if (match === null) throw new EvaluationError(`${quote(text)} is not a duration such as 90s or 1h30m`);
  let ns = 0n;
  for (const [, whole, decimals = '', unit = ''] of text.matchAll(durationPart)) {
    const size = unitNs[unit] as bigint;
    ns += BigInt(whole || 0) * size + (BigInt(decimals || 0) * size) / 10n ** BigInt(decimals.length);
  }
  return new Duration(match[1] === '-' ? -ns : ns);
}

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Reads a timestamp in the format of RFC 3339. */
export function parseTimestamp(text: string): Timestamp {
  const match = text.length > 64 ? null : timestampPattern.exec(text);
  const [year, month, day, hours, minutes, seconds] = (match ?? []).slice(1, 7).map(Number);
  const date = new Date(0);
  if (match !== null) {
    date.setUTCFullYear(year as number, (month as number) - 1, day as number);
    date.setUTCHours(hours as number, minutes as number, seconds as number);
  }
  // A day that its month does not have rolls over into the next one.
  if (match === null || date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day)
    throw new EvaluationError(`${quote(text)} is not a timestamp such as 2030-01-31T08:00:00Z`);
  const [, , , , , , , decimals = '', sign, offsetHours = 0, offsetMinutes = 0] = match;
  const offset = BigInt(offsetHours) * hour + BigInt(offsetMinutes) * minute;
  const local = BigInt(date.getTime()) * milli + BigInt(decimals.padEnd(9, '0'));
  return new Timestamp(sign === '-' ? local + offset : local - offset);
}

/** From seconds since 1970, an int or a double. */
export function timestampOfSeconds(seconds: bigint | number): Timestamp {
  if (typeof seconds === 'bigint') return new Timestamp(seconds * second);
  if (!Number.isFinite(seconds)) throw new EvaluationError('a timestamp is out of range');
  const whole = Math.floor(seconds);
  return new Timestamp(BigInt(whole) * second + BigInt(Math.round((seconds - whole) * 1e9)));
}

type Part = (date: Date) => number;

const dayMs = 86_400_000;

function dayOfYear(date: Date): number {
  const first = new Date(date);
  first.setUTCMonth(0, 1);
  return Math.round((date.getTime() - first.getTime()) / dayMs);
}

/** The parts of a timestamp, each with its maximum. Months and days count from 0, except for `getDate`. */
export const timestampParts: Readonly<
  Record<string, { readonly read: Part; readonly range: readonly [number, number] }>
> = {
  getFullYear: { read: (date) => date.getUTCFullYear(), range: [0, 10_000] },
  getMonth: { read: (date) => date.getUTCMonth(), range: [0, 11] },
  getDate: { read: (date) => date.getUTCDate(), range: [1, 31] },
  getDayOfMonth: { read: (date) => date.getUTCDate() - 1, range: [0, 30] },
  getDayOfWeek: { read: (date) => date.getUTCDay(), range: [0, 6] },
  getDayOfYear: { read: dayOfYear, range: [0, 365] },
  getHours: { read: (date) => date.getUTCHours(), range: [0, 23] },
  getMinutes: { read: (date) => date.getUTCMinutes(), range: [0, 59] },
  getSeconds: { read: (date) => date.getUTCSeconds(), range: [0, 59] },
  getMilliseconds: { read: (date) => date.getUTCMilliseconds(), range: [0, 999] },
};

export const durationParts: Readonly<Record<string, (duration: Duration) => bigint>> = {
  getHours: ({ ns }) => ns / hour,
  getMinutes: ({ ns }) => ns / minute,
  getSeconds: ({ ns }) => ns / second,
  getMilliseconds: ({ ns }) => (ns % second) / milli,
};

const offsetPattern = /^([+-]?)(\d{2}):(\d{2})$/;

/**
 * Makes a function that shifts a date so that its UTC parts read as the local ones of a time zone.
 *
 * @throws RangeError if the zone is unknown
 */
export function zoneShift(timeZone: string): (date: Date) => Date {
  const offset = offsetPattern.exec(timeZone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    if (Number(offset[2]) > 23 || Number(offset[3]) > 59) throw new RangeError(timeZone);
    const ms = minutes * (offset[1] === '-' ? -60_000 : 60_000);
    return (date) => new Date(date.getTime() + ms);
  }
  // Other spellings of an offset or a name are extensions of JavaScript.
  if (!/^[A-Z]/.test(timeZone)) throw new RangeError(timeZone);
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
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
    let before = false;
    for (const { type, value } of format.formatToParts(date)) {
      parts[type] = Number(value);
      if (type === 'era') before = value.startsWith('B');
    }
    const { year = 0, month = 1, day = 1, hour: hours = 0, minute: minutes = 0, second: seconds = 0 } = parts;
    const moved = new Date(0);
    moved.setUTCFullYear(before ? 1 - year : year, month - 1, day);
    moved.setUTCHours(hours, minutes, seconds, date.getUTCMilliseconds());
    return moved;
  };
}

function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
