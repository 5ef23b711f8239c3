import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { int, spendText } from './operators.ts';
import {
  Duration,
  durationParts,
  parseDuration,
  parseTimestamp,
  timestampOf,
  timestampParts,
} from './time.ts';
import { type HeaderMap, keysOf, kindOf } from './values.ts';

/** A function or method; a method gets its receiver first. */
export type Callable = (frame: Frame, ...values: unknown[]) => unknown;

function size(frame: Frame, value: unknown): bigint {
  if (typeof value === 'string') return BigInt(codePoints(value, frame));
  if (Array.isArray(value)) return BigInt(value.length);
  if (kindOf(value) !== 'map') throw mismatch('size', value);
  return BigInt(value instanceof Map ? value.size : keysOf(value as HeaderMap, frame).length);
}

function codePoints(text: string, frame: Frame): number {
  frame.spend(text.length >> 2);
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function toText(_frame: Frame, value: unknown): string {
  switch (kindOf(value)) {
    case 'double':
      return doubleText(value as number);
    case 'timestamp':
      return (value as Date).toISOString().replace(/\.?0*Z$/, 'Z');
    case 'string':
    case 'int':
    case 'bool':
    case 'duration':
      return String(value);
    default:
      throw mismatch('string', value);
  }
}

function doubleText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function toInt(_frame: Frame, value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new EvaluationError('int: the number is not finite');
    return int(BigInt(Math.trunc(value)));
  }
  if (typeof value === 'string') {
    if (!/^[-+]?[0-9]{1,19}$/.test(value)) throw new EvaluationError('int: the text is no integer');
    return int(BigInt(value.replace('+', '')));
  }
  if (value instanceof Date) return BigInt(Math.floor(value.getTime() / 1000));
  throw mismatch('int', value);
}

function toDouble(_frame: Frame, value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') throw mismatch('double', value);
  if (
    !/^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(value.slice(0, 64)) ||
    value.length > 64
  )
    throw new EvaluationError('double: the text is no number');
  return Number(value);
}

function toBool(_frame: Frame, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') throw mismatch('bool', value);
  if (['1', 't', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new EvaluationError('bool: the text is neither true nor false');
}

/** From text (RFC 3339) or seconds since the epoch; a double too, because a JSON payload has no other numbers. */
function toTimestamp(_frame: Frame, value: unknown): Date {
  if (value instanceof Date) return value;
  if (typeof value === 'string') return parseTimestamp(value);
  if (typeof value === 'bigint' || typeof value === 'number') return timestampOf(Number(value) * 1000);
  throw mismatch('timestamp', value);
}

function toDuration(_frame: Frame, value: unknown): Duration {
  if (value instanceof Duration) return value;
  if (typeof value === 'string') return parseDuration(value);
  throw mismatch('duration', value);
}

function contains(frame: Frame, value: unknown, part: unknown): boolean {
  const [text, sought] = texts('contains', value, part);
  // V8's search is quick on what is usual; a long needle in a text made for it costs the product of the two.
  frame.spend((text.length >> 3) + (sought.length > 64 ? (text.length * sought.length) / 32 : 0));
  return text.includes(sought);
}

function split(frame: Frame, value: unknown, separator: unknown): string[] {
  const [text, between] = texts('split', value, separator);
  frame.spend(text.length);
  return between === '' ? [...text] : text.split(between);
}

function join(frame: Frame, list: unknown, separator: unknown = ''): string {
  if (!Array.isArray(list) || typeof separator !== 'string') throw mismatch('join', list);
  let characters = list.length * (1 + separator.length);
  frame.spend(list.length);
  for (const item of list) {
    if (typeof item !== 'string') throw mismatch('join', item);
    characters += item.length;
  }
  frame.spend(characters >> 1);
  return list.join(separator);
}

function caseMapper(pattern: RegExp, map: (text: string) => string): Callable {
  return function changeCase(frame, value) {
    if (typeof value !== 'string') throw mismatch('lowerAscii or upperAscii', value);
    frame.spend(value.length >> 1);
    return value.replace(pattern, map);
  };
}

function timePart(name: string): Callable {
  return function readPart(_frame, value) {
    const part =
      value instanceof Date
        ? timestampParts[name]?.(value)
        : value instanceof Duration
          ? durationParts[name]?.(value)
          : undefined;
    if (part === undefined) throw mismatch(name, value);
    return BigInt(part);
  };
}

/** The functions, by name and number of arguments. */
export const functions: Readonly<Record<string, Callable>> = {
  'size/1': size,
  'string/1': toText,
  'int/1': toInt,
  'double/1': toDouble,
  'bool/1': toBool,
  'timestamp/1': toTimestamp,
  'duration/1': toDuration,
  'dyn/1': (_frame, value) => value,
};

/** The methods, by name and number of arguments, the receiver not counted. */
export const methods: Readonly<Record<string, Callable>> = {
  'size/0': size,
  'startsWith/1': (frame, value, part) => {
    const [text, start] = texts('startsWith', value, part);
    spendText(frame, start.length);
    return text.startsWith(start);
  },
  'endsWith/1': (frame, value, part) => {
    const [text, end] = texts('endsWith', value, part);
    spendText(frame, end.length);
    return text.endsWith(end);
  },
  'contains/1': contains,
  'lowerAscii/0': caseMapper(/[A-Z]+/g, (text) => text.toLowerCase()),
  'upperAscii/0': caseMapper(/[a-z]+/g, (text) => text.toUpperCase()),
  'trim/0': (frame, value) => {
    if (typeof value !== 'string') throw mismatch('trim', value);
    spendText(frame, value.length);
    return value.trim();
  },
  'split/1': split,
  'join/0': join,
  'join/1': join,
  ...Object.fromEntries(Object.keys(timestampParts).map((name) => [`${name}/0`, timePart(name)])),
};

function texts(name: string, left: unknown, right: unknown): [string, string] {
  if (typeof left !== 'string') throw mismatch(name, left);
  if (typeof right !== 'string') throw mismatch(name, right);
  return [left, right];
}

function mismatch(name: string, value: unknown): EvaluationError {
  return new EvaluationError(`${name} does not take a ${kindOf(value)}`);
}
