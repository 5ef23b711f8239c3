import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { int } from './operators.ts';
import {
  Duration,
  longestDuration,
  parseDuration,
  parseTimestamp,
  secondsOf,
  Timestamp,
  timestampOfSeconds,
} from './time.ts';
import { kindOf } from './values.ts';

export function toText(value: unknown): string {
  switch (kindOf(value)) {
    case 'double':
      return doubleText(value as number);
    case 'string':
    case 'int':
    case 'bool':
    case 'timestamp':
    case 'duration':
      return String(value);
    default:
      throw mismatch('string', value);
  }
}

function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

export function toInt(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') {
    // The bounds themselves are refused too: a number beyond them may have been rounded to them.
    if (!(Math.abs(value) < 2 ** 63)) throw new EvaluationError('int: the number is out of range');
    return BigInt(Math.trunc(value));
  }
  if (typeof value === 'string') {
    if (!/^[-+]?[0-9]{1,19}$/.test(value)) throw new EvaluationError('int: the string is not an integer');
    return int(BigInt(value.replace('+', '')));
  }
  if (value instanceof Timestamp) return secondsOf(value);
  throw mismatch('int', value);
}

const numberPattern = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;

export function toDouble(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') throw mismatch('double', value);
  const number = value.length <= 64 && numberPattern.test(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw new EvaluationError('double: the string is not a number');
  return number;
}

export function toBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') throw mismatch('bool', value);
  if (['1', 't', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new EvaluationError('bool: the string is neither true nor false');
}

/** From a string (RFC 3339) or seconds since 1970; also from a double, because a JSON payload has no other numbers. */
export function toTimestamp(value: unknown): Timestamp {
  if (value instanceof Timestamp) return value;
  if (typeof value === 'string') return parseTimestamp(value);
  if (typeof value === 'bigint' || typeof value === 'number') return timestampOfSeconds(value);
  throw mismatch('timestamp', value);
}

/** Each part of a string, such as `1ns`, takes some arithmetic. */
const durationCharacterSteps = 40;

export function toDuration(value: unknown, frame: Frame): Duration {
  if (value instanceof Duration) return value;
  if (typeof value === 'string') {
    frame.spend(Math.min(value.length, longestDuration) * durationCharacterSteps);
    return parseDuration(value);
  }
  throw mismatch('duration', value);
}

export function mismatch(name: string, value: unknown): EvaluationError {
  return new EvaluationError(`${name} does not take ${kindOf(value)}`);
}
