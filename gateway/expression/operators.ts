import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { Duration, durationOf, timestampOf } from './time.ts';
import { keysOf, kindOf, lookUp } from './values.ts';

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;
/** Deeper values are not compared: comparing is the one thing that walks into data. */
const maxCompareDepth = 64;

/** Equality as CEL has it: numbers of different types by value, values of other different types are unequal. */
export function equal(left: unknown, right: unknown, frame: Frame, depth = 0): boolean {
  if (typeof left === 'string') {
    if (typeof right !== 'string' || left.length !== right.length) return false;
    spendText(frame, left.length);
    return left === right;
  }
  // biome-ignore lint/suspicious/noDoubleEquals: between a bigint and a number this compares the mathematical values.
  if (isNumber(left)) return isNumber(right) && left == right;
  if (left === right) return true;
  const kind = kindOf(left);
  if (kind !== kindOf(right)) return false;
  if (depth === maxCompareDepth)
    throw new EvaluationError(`a value is nested deeper than ${maxCompareDepth} levels`);
  if (kind === 'timestamp') return (left as Date).getTime() === (right as Date).getTime();
  if (kind === 'duration') return (left as Duration).ms === (right as Duration).ms;
  if (kind === 'list') return equalLists(left as unknown[], right as unknown[], frame, depth + 1);
  return kind === 'map' && equalMaps(left as object, right as object, frame, depth + 1);
}

function equalLists(
  left: readonly unknown[],
  right: readonly unknown[],
  frame: Frame,
  depth: number,
): boolean {
  if (left.length !== right.length) return false;
  frame.spend(left.length);
  return left.every((item, at) => equal(item, right[at], frame, depth));
}

function equalMaps(left: object, right: object, frame: Frame, depth: number): boolean {
  const keys = keysOf(left, frame);
  if (keys.length !== keysOf(right, frame).length) return false;
  return keys.every((key) => {
    const other = lookUp(right, key);
    return other !== undefined && equal(lookUp(left, key), other, frame, depth);
  });
}

/** Whether a list has an item, or a map a key. */
export function isIn(item: unknown, container: unknown, frame: Frame): boolean {
  if (Array.isArray(container)) {
    for (const other of container) {
      frame.spend(2);
      if (equal(item, other, frame)) return true;
    }
    return false;
  }
  if (kindOf(container) === 'map') return lookUp(container as object, item) !== undefined;
  throw noOverload('in', item, container);
}

/** Negative, zero or positive; NaN when the two are not ordered, as for the double NaN. */
function compare(operator: string, left: unknown, right: unknown, frame: Frame): number {
  if (typeof left === 'string' && typeof right === 'string') {
    spendText(frame, Math.min(left.length, right.length));
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (isNumber(left) && isNumber(right))
    return left < right ? -1 : left > right ? 1 : left >= right ? 0 : Number.NaN;
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left instanceof Duration && right instanceof Duration) return left.ms - right.ms;
  throw noOverload(operator, left, right);
}

function add(left: unknown, right: unknown, frame: Frame): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left + right);
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (typeof left === 'string' && typeof right === 'string') {
    spendText(frame, left.length + right.length);
    return left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    frame.spend(left.length + right.length);
    return [...left, ...right];
  }
  if (left instanceof Duration && right instanceof Duration) return durationOf(left.ms + right.ms);
  if (left instanceof Date && right instanceof Duration) return timestampOf(left.getTime() + right.ms);
  if (left instanceof Duration && right instanceof Date) return timestampOf(left.ms + right.getTime());
  throw noOverload('+', left, right);
}

function subtract(left: unknown, right: unknown): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left - right);
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (left instanceof Date && right instanceof Date) return durationOf(left.getTime() - right.getTime());
  if (left instanceof Date && right instanceof Duration) return timestampOf(left.getTime() - right.ms);
  if (left instanceof Duration && right instanceof Duration) return durationOf(left.ms - right.ms);
  throw noOverload('-', left, right);
}

function multiply(left: unknown, right: unknown): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left * right);
  if (typeof left === 'number' && typeof right === 'number') return left * right;
  throw noOverload('*', left, right);
}

function divide(left: unknown, right: unknown): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left / notZero(right));
  if (typeof left === 'number' && typeof right === 'number') return left / right;
  throw noOverload('/', left, right);
}

function remainder(left: unknown, right: unknown): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') return left % notZero(right);
  throw noOverload('%', left, right);
}

export type Binary = (left: unknown, right: unknown, frame: Frame) => unknown;

/** What each binary operator does, `&&` and `||` aside: those do not always evaluate both sides. */
export const binaryOperators: Readonly<Record<string, Binary>> = {
  '==': equal,
  '!=': (left, right, frame) => !equal(left, right, frame),
  in: isIn,
  '<': (left, right, frame) => compare('<', left, right, frame) < 0,
  '<=': (left, right, frame) => compare('<=', left, right, frame) <= 0,
  '>': (left, right, frame) => compare('>', left, right, frame) > 0,
  '>=': (left, right, frame) => compare('>=', left, right, frame) >= 0,
  '+': add,
  '-': subtract,
  '*': multiply,
  '/': divide,
  '%': remainder,
};

export function negate(value: unknown): unknown {
  if (typeof value === 'bigint') return int(-value);
  if (typeof value === 'number') return -value;
  throw new EvaluationError(`no such overload: -${kindOf(value)}`);
}

export function not(value: unknown): boolean {
  if (typeof value === 'boolean') return !value;
  throw new EvaluationError(`no such overload: !${kindOf(value)}`);
}

/** Gives a 64-bit integer. @throws EvaluationError on overflow */
export function int(value: bigint): bigint {
  if (value < minInt || value > maxInt) throw new EvaluationError('an integer is out of range');
  return value;
}

/** Counts reading through text, which runs at several characters a nanosecond. */
export function spendText(frame: Frame, characters: number): void {
  if (characters > 64) frame.spend(characters >> 5);
}

function notZero(value: bigint): bigint {
  if (value === 0n) throw new EvaluationError('division by zero');
  return value;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function noOverload(operator: string, left: unknown, right: unknown): EvaluationError {
  const kinds = [kindOf(left), kindOf(right)];
  const mixed = kinds.includes('int') && kinds.includes('double');
  const hint = mixed
    ? '; numbers of a JSON payload are doubles: convert one side with int() or double()'
    : '';
  return new EvaluationError(`no such overload: ${kinds[0]} ${operator} ${kinds[1]}${hint}`);
}
