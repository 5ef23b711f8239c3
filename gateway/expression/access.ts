import type { ExpressionContext } from './context.ts';
import { EvaluationError, MissingKey } from './errors.ts';
import type { Frame } from './frame.ts';
import type { Field } from './names.ts';
import type { Part } from './part.ts';
import { Timestamp } from './time.ts';
import { kindOf, lookUp } from './values.ts';

/** The cost of a timestamp made from a date. */
const timeSteps = 20;

/** Reads a name such as `request.path`. */
export function readField(label: string, { type, form, keyForm, read }: Field<ExpressionContext>): Part {
  function readName(frame: Frame): unknown {
    const value = read(frame.context, frame);
    if (value === undefined) throw new EvaluationError(`${label} is not known`);
    return value;
  }
  function readTime(frame: Frame): Timestamp {
    frame.spend(timeSteps);
    return Timestamp.fromDate(readName(frame) as Date);
  }
  return { type, form, keyForm, code: type === 'timestamp' ? readTime : readName };
}

/**
 * The value of a key in a map. `where` and `asked` are the sources of the map and of the key, for the message. The value of the key is
 * not shown, because an expression may compute it from a credential.
 */
export function member(
  container: unknown,
  key: unknown,
  where: string,
  asked: string,
  frame: Frame,
): unknown {
  if (kindOf(container) !== 'map')
    throw new EvaluationError(`${where} is a ${kindOf(container)} and has no keys`);
  const value = lookUp(container as object, key, frame);
  if (value === undefined) throw new MissingKey(`${where} has no key ${asked}`);
  return value;
}

/** The item of a list; `where` is the source of the list. */
export function item(list: readonly unknown[], index: unknown, where: string): unknown {
  const position = typeof index === 'bigint' ? Number(index) : index;
  if (typeof position !== 'number' || !Number.isInteger(position))
    throw new EvaluationError(`${where} is a list; its index is a ${kindOf(index)}`);
  if (position < 0 || position >= list.length)
    throw new EvaluationError(`${where} has ${list.length} items; index ${position} does not exist`);
  return list[position];
}
