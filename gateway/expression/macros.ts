import { EvaluationError } from './errors.ts';
import type { Code, Frame } from './frame.ts';
import { keysOf, kindOf } from './values.ts';

/** A macro taken apart: what it goes through, where its variable lives, what it does with each item, at how many steps. */
export interface Loop {
  readonly range: Code;
  readonly slot: number;
  readonly body: Code;
  readonly steps: number;
  /** The third argument of `map(variable, filter, transform)`. */
  readonly transform?: Code | undefined;
}

/** An error on the way costs its stack trace, 3 µs, which a long list of items without the key would multiply. */
const errorSteps = 300;

/** The macros over lists and maps, by name and number of arguments (CEL's standard definitions, macros). */
export const macros: Readonly<Record<string, (loop: Loop) => Code>> = {
  'all/2': (loop) => quantifier(loop, false),
  'exists/2': (loop) => quantifier(loop, true),
  'exists_one/2': (loop) =>
    function existsOne(frame) {
      let count = 0;
      forEach(loop, frame, () => {
        if (truth(loop.body(frame))) count += 1;
      });
      return count === 1;
    },
  'filter/2': (loop) =>
    function filter(frame) {
      const kept: unknown[] = [];
      forEach(loop, frame, (item) => {
        if (truth(loop.body(frame))) kept.push(item);
      });
      return kept;
    },
  'map/2': (loop) =>
    function map(frame) {
      const mapped: unknown[] = [];
      forEach(loop, frame, () => mapped.push(loop.body(frame)));
      return mapped;
    },
  'map/3': (loop) =>
    function filterMap(frame) {
      const mapped: unknown[] = [];
      forEach(loop, frame, () => {
        if (truth(loop.body(frame))) mapped.push(loop.transform?.(frame));
      });
      return mapped;
    },
};

/** `exists` ends at the first true item and `all` at the first false one; an error counts only when none decides. */
function quantifier(loop: Loop, decisive: boolean): Code {
  return function quantify(frame) {
    let failure: EvaluationError | undefined;
    for (const item of itemsOf(loop.range(frame), frame)) {
      frame.spend(loop.steps);
      frame.slots[loop.slot] = item;
      try {
        if (truth(loop.body(frame)) === decisive) return decisive;
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error;
        frame.spend(errorSteps);
        failure ??= error;
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
  throw new EvaluationError(`a ${kindOf(range)} has no items`);
}

/** @throws EvaluationError for what is no boolean */
export function truth(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new EvaluationError(`a condition gives ${kindOf(value)}, not bool`);
}
