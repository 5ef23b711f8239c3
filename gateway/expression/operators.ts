import { EvaluationError } from './errors.ts';
import type { Frame } from './frame.ts';
import { compareTexts } from './strings.ts';
import type { BinaryOperator } from './syntax.ts';
import { Duration, Timestamp } from './time.ts';
import { comparable, fits, joined, listOf, type Overload, resultOf, type Type } from './types.ts';
import { keysOf, kindOf, lookUp } from './values.ts';

/** Deeper values are not compared. Comparison is the only operation that walks through data. */
const maxCompareDepth = 64;
/** The cost of comparing two items, without their content. */
const itemSteps = 2;
/** V8 handles integers, which are BigInts, as objects. */
const intSteps = 8;

/** Equality in CEL: numbers of different types are compared by value; other values of different types are unequal. */
export function equal(left: unknown, right: unknown, frame: Frame, depth = 0): boolean {
  if (typeof left === 'string') {
    if (typeof right !== 'string') return differs(right);
    if (left.length !== right.length) return false;
    frame.spend(2 + (left.length >> 4));
    return left === right;
  }
  if (isNumber(left)) return isNumber(right) ? orderNumbers(left, right, frame) === 0 : differs(right);
  if (left === right && kindOf(left) !== 'list' && kindOf(left) !== 'map') return true;
  const kind = kindOf(left);
  if (kind !== kindOf(right)) return false;
  if (depth === maxCompareDepth)
    throw new EvaluationError(`a value is nested deeper than ${maxCompareDepth} levels`);
  if (kind === 'timestamp' || kind === 'duration')
    return (left as Timestamp | Duration).ns === (right as Timestamp | Duration).ns;
  if (kind === 'list') return equalLists(left as unknown[], right as unknown[], frame, depth + 1);
  return kind === 'map' && equalMaps(left as object, right as object, frame, depth + 1);
}

/** Returns false if the value is valid in expressions, and throws otherwise. */
function differs(value: unknown): false {
  kindOf(value);
  return false;
}

function equalLists(
  left: readonly unknown[],
  right: readonly unknown[],
  frame: Frame,
  depth: number,
): boolean {
  if (left.length !== right.length) return false;
  frame.spend(left.length * itemSteps);
  return left.every((item, at) => equal(item, right[at], frame, depth));
}

function equalMaps(left: object, right: object, frame: Frame, depth: number): boolean {
  const keys = keysOf(left, frame);
  if (keys.length !== keysOf(right, frame).length) return false;
  return keys.every((key) => {
    const other = lookUp(right, key, frame);
    return other !== undefined && equal(lookUp(left, key, frame), other, frame, depth);
  });
}

/** Whether a list has an item, or a map a key. */
function isIn(item: unknown, container: unknown, frame: Frame): boolean {
  if (Array.isArray(container)) {
    for (const other of container) {
      frame.spend(itemSteps);
      if (equal(item, other, frame)) return true;
    }
    return false;
  }
  kindOf(item);
  if (kindOf(container) === 'map') return lookUp(container as object, item, frame) !== undefined;
  throw cannot('in', item, container);
}

function compare(operator: string, left: unknown, right: unknown, frame: Frame): number {
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right, frame);
  if (isNumber(left) && isNumber(right)) return orderNumbers(left, right, frame);
  if (typeof left === 'boolean' && typeof right === 'boolean') return order(Number(left), Number(right));
  if (left instanceof Timestamp && right instanceof Timestamp) return order(left.ns, right.ns);
  if (left instanceof Duration && right instanceof Duration) return order(left.ns, right.ns);
  throw cannot(operator, left, right);
}

/**
 * Compares two numbers; NaN if they are not ordered.
 *
 * Some implementations of CEL round an integer beyond 2⁵³ and then find it equal to a double next to it; others do not.
 * @throws EvaluationError in these cases
 */
function orderNumbers(left: number | bigint, right: number | bigint, frame: Frame): number {
  if (typeof left === typeof right) return order(left, right);
  frame.spend(intSteps);
  if (Number(left) === Number(right) && BigInt(left) !== BigInt(right))
    throw new EvaluationError(`${left} and ${right} are too close to tell an integer from a double`);
  return order(left, right);
}

function order(left: number | bigint, right: number | bigint): number {
  return left < right ? -1 : left > right ? 1 : left >= right ? 0 : Number.NaN;
}

function add(left: unknown, right: unknown, frame: Frame): unknown {
  if (typeof left === 'string' && typeof right === 'string') {
    // Joining is cheap; later reads pay for copying the result.
    frame.spend(6 + ((left.length + right.length) >> 2));
    return left + right;
  }
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  frame.spend(intSteps);
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left + right);
  if (Array.isArray(left) && Array.isArray(right)) {
    frame.spend((left.length + right.length) * itemSteps);
    return [...left, ...right];
  }
  if (left instanceof Duration && right instanceof Duration) return new Duration(left.ns + right.ns);
  if (left instanceof Timestamp && right instanceof Duration) return new Timestamp(left.ns + right.ns);
  if (left instanceof Duration && right instanceof Timestamp) return new Timestamp(left.ns + right.ns);
  throw cannot('+', left, right);
}

function subtract(left: unknown, right: unknown, frame: Frame): unknown {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  frame.spend(intSteps);
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left - right);
  if (left instanceof Timestamp && right instanceof Timestamp) return new Duration(left.ns - right.ns);
  if (left instanceof Timestamp && right instanceof Duration) return new Timestamp(left.ns - right.ns);
  if (left instanceof Duration && right instanceof Duration) return new Duration(left.ns - right.ns);
  throw cannot('-', left, right);
}

function multiply(left: unknown, right: unknown, frame: Frame): unknown {
  if (typeof left === 'number' && typeof right === 'number') return left * right;
  frame.spend(intSteps);
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left * right);
  throw cannot('*', left, right);
}

function divide(left: unknown, right: unknown, frame: Frame): unknown {
  if (typeof left === 'number' && typeof right === 'number') return left / right;
  frame.spend(intSteps);
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(left / notZero(right));
  throw cannot('/', left, right);
}

function remainder(left: unknown, right: unknown, frame: Frame): unknown {
  frame.spend(intSteps);
  if (typeof left === 'bigint' && typeof right === 'bigint') return left % notZero(right);
  throw cannot('%', left, right);
}

type Binary = (left: unknown, right: unknown, frame: Frame) => unknown;

/** Every binary operator except `&&` and `||`, which do not always evaluate both sides. */
export const binaryOperators: Readonly<Record<Exclude<BinaryOperator, '&&' | '||'>, Binary>> = {
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

const same = (type: Type): Overload => [[type, type], type];
const arithmetic: Readonly<Record<string, readonly Overload[]>> = {
  '+': [
    ...(['int', 'double', 'string', 'duration'] as const).map(same),
    [['timestamp', 'duration'], 'timestamp'],
    [['duration', 'timestamp'], 'timestamp'],
    same(listOf('dyn')),
  ],
  '-': [
    ...(['int', 'double', 'duration'] as const).map(same),
    [['timestamp', 'timestamp'], 'duration'],
    [['timestamp', 'duration'], 'timestamp'],
  ],
  '*': [same('int'), same('double')],
  '/': [same('int'), same('double')],
  '%': [same('int')],
};
const ordered: readonly Type[] = ['int', 'double', 'string', 'bool', 'timestamp', 'duration'];

/** The result type of an operator; undefined if it does not accept such operands (CEL's standard definitions). */
export function binaryType(operator: BinaryOperator, left: Type, right: Type): Type | undefined {
  if (operator === '&&' || operator === '||')
    return fits(left, 'bool') && fits(right, 'bool') ? 'bool' : undefined;
  if (operator === '==' || operator === '!=') return comparable(left, right) ? 'bool' : undefined;
  if (operator === 'in') return canContain(right, left) ? 'bool' : undefined;
  const overloads = arithmetic[operator];
  if (overloads === undefined)
    return comparable(left, right) && [left, right].every((type) => ordered.some((one) => fits(type, one)))
      ? 'bool'
      : undefined;
  if (
    typeof left === 'object' &&
    typeof right === 'object' &&
    'list' in left &&
    'list' in right &&
    operator === '+'
  )
    return listOf(joined([left.list, right.list]));
  return resultOf(overloads, [left, right]);
}

function canContain(container: Type, item: Type): boolean {
  if (typeof container === 'string') return container === 'dyn';
  return comparable(item, 'list' in container ? container.list : container.map[0]);
}

export function negate(value: unknown): unknown {
  if (typeof value === 'bigint') return int(-value);
  if (typeof value === 'number') return -value;
  throw new EvaluationError(`- does not take ${kindOf(value)}`);
}

export function not(value: unknown): boolean {
  if (typeof value === 'boolean') return !value;
  throw new EvaluationError(`! does not take ${kindOf(value)}`);
}

/** Returns a 64-bit integer. @throws EvaluationError on overflow */
export function int(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new EvaluationError('an integer is out of range');
  return value;
}

function notZero(value: bigint): bigint {
  if (value === 0n) throw new EvaluationError('division by zero');
  return value;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

export const mixedNumbers = 'numbers of a JSON payload are doubles: convert one side with int() or double()';

function cannot(operator: string, left: unknown, right: unknown): EvaluationError {
  const kinds = [kindOf(left), kindOf(right)];
  const mixed = kinds.includes('int') && kinds.includes('double');
  return new EvaluationError(
    `${operator} does not take ${kinds[0]} and ${kinds[1]}${mixed ? `; ${mixedNumbers}` : ''}`,
  );
}
