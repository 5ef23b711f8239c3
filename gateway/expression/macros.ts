import { EvaluationError } from './errors.ts';
import type { Code, Frame } from './frame.ts';
import { listOf, type Type } from './types.ts';
import { keysOf, kindOf } from './values.ts';

/** The parts of a macro call: the collection, the variable's slot, the code for each item, and its cost. */
export interface Loop {
  readonly range: Code;
  readonly slot: number;
  readonly body: Code;
  readonly steps: number;
  /** The third argument of `map(variable, filter, transform)`. */
  readonly transform: Code | undefined;
}

interface Macro {
  readonly expand: (loop: Loop) => Code;
  /** Whether the first part of the body is a condition. */
  readonly condition: boolean;
  readonly result: (items: Type, last: Type) => Type;
}

const test = (expand: Macro['expand']): Macro => ({ expand, condition: true, result: () => 'bool' });
const existsOne = test(
  (loop) =>
    function existsOne(frame) {
      let count = 0;
      forEach(loop, frame, () => {
        if (truth(loop.body(frame))) count += 1;
      });
      return count === 1;
    },
);

/** The macros over lists and maps, by name and number of arguments (CEL's standard definitions, macros). */
export const macros: Readonly<Record<string, Macro>> = {
  'all/2': test((loop) => quantifier(loop, false)),
  'exists/2': test((loop) => quantifier(loop, true)),
  'exists_one/2': existsOne,
  'existsOne/2': existsOne,
  'filter/2': {
    condition: true,
    result: (items) => listOf(items),
    expand: (loop) =>
      function filter(frame) {
        const kept: unknown[] = [];
        forEach(loop, frame, (item) => {
          if (truth(loop.body(frame))) kept.push(item);
        });
        return kept;
      },
  },
  'map/2': {
    condition: false,
    result: (_items, last) => listOf(last),
    expand: (loop) =>
      function map(frame) {
        const mapped: unknown[] = [];
        forEach(loop, frame, () => mapped.push(loop.body(frame)));
        return mapped;
      },
  },
  'map/3': {
    condition: true,
    result: (_items, last) => listOf(last),
    expand: (loop) =>
      function filterMap(frame) {
        const mapped: unknown[] = [];
        forEach(loop, frame, () => {
          if (truth(loop.body(frame))) mapped.push(loop.transform?.(frame));
        });
        return mapped;
      },
  },
};

/** `exists` ends at the first true item and `all` at the first false one. An error counts only if no item decides. */
function quantifier(loop: Loop, decisive: boolean): Code {
  return function quantify(frame) {
    let failure: EvaluationError | undefined;
    for (const item of itemsOf(loop.range(frame), frame)) {
      frame.spend(loop.steps);
      frame.slots[loop.slot] = item;
      try {
        if (truth(loop.body(frame)) === decisive) return decisive;
      } catch (error) {
        failure = frame.caught(error);
      }
    }
    if (failure !== undefined) throw failure;
    return !decisive;
  };
}

function forEach(loop: Loop, frame: Frame, visit: (item: unknown) => void): void {
  for (const item of itemsOf(loop.range(frame), frame)) {
    frame.spend(loop.steps);
    frame.slots[loop.slot] = item;
    visit(item);
  }
}

function itemsOf(range: unknown, frame: Frame): readonly unknown[] {
  if (Array.isArray(range)) return range;
  if (kindOf(range) === 'map') return keysOf(range as object, frame);
  throw new EvaluationError(`${kindOf(range)} has no items`);
}

/** @throws EvaluationError if it is not a boolean */
export function truth(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new EvaluationError(`a condition gives ${kindOf(value)}, not bool`);
}
