import { mismatch, toBool, toDouble, toDuration, toInt, toText, toTimestamp } from './conversions.ts';
import { EvaluationError } from './errors.ts';
import { type Form, lowerForm, rangeForm, upperForm } from './forms.ts';
import type { Frame } from './frame.ts';
import { codePoints, contains, indexOf, replace, split, substring, trim } from './strings.ts';
import { Duration, durationParts, Timestamp, timestampParts } from './time.ts';
import { listOf, mapOf, type Overload, type Type } from './types.ts';
import { keysOf, kindOf } from './values.ts';

/** A function or method; a method gets its receiver first. */
export interface Callable {
  readonly overloads: readonly Overload[];
  /** The cost of a call without the part that depends on the size of its arguments. */
  readonly steps: number;
  readonly call: (frame: Frame, ...values: unknown[]) => unknown;
  /** The closed form of the result; with `formOf` only if the first argument has that type. */
  readonly form?: Form;
  readonly formOf?: Type;
}

function size(frame: Frame, value: unknown): bigint {
  if (typeof value === 'string') return BigInt(codePoints(value, frame));
  if (Array.isArray(value)) return BigInt(value.length);
  if (kindOf(value) !== 'map') throw mismatch('size', value);
  return BigInt(value instanceof Map ? value.size : keysOf(value as object, frame).length);
}

function join(frame: Frame, list: unknown, separator: unknown = ''): string {
  if (!Array.isArray(list) || typeof separator !== 'string') throw mismatch('join', list);
  let characters = list.length * (1 + separator.length);
  frame.spend(list.length);
  for (const item of list) {
    if (typeof item !== 'string') throw mismatch('join', item);
    characters += item.length;
  }
  frame.spend(characters / 2);
  return list.join(separator);
}

const anyList = listOf('dyn');
const anyMap = mapOf('dyn', 'dyn');

function conversion(
  result: Type,
  from: readonly Type[],
  steps: number,
  convert: (value: unknown, frame: Frame) => unknown,
): Callable {
  return {
    overloads: from.map((type) => [[type], result]),
    steps,
    call: (frame, value) => convert(value, frame),
  };
}

const sizes: Callable = {
  overloads: (['string', anyList, anyMap] as const).map((type) => [[type], 'int']),
  steps: 4,
  call: size,
};

/** The functions, by name and number of arguments. */
export const functions: Readonly<Record<string, Callable>> = {
  'size/1': sizes,
  'string/1': conversion('string', ['string', 'int', 'double', 'bool', 'timestamp', 'duration'], 60, toText),
  'int/1': conversion('int', ['int', 'double', 'string', 'timestamp'], 60, toInt),
  'double/1': conversion('double', ['double', 'int', 'string'], 60, toDouble),
  'bool/1': conversion('bool', ['bool', 'string'], 60, toBool),
  'timestamp/1': conversion('timestamp', ['timestamp', 'string', 'int', 'double'], 300, toTimestamp),
  'duration/1': conversion('duration', ['duration', 'string'], 100, toDuration),
  'dyn/1': { overloads: [[['dyn'], 'dyn']], steps: 0, call: (_frame, value) => value },
};

type OfText = (frame: Frame, text: string, ...rest: never[]) => unknown;

/** A method of strings whose arguments have these types. */
function ofText(
  name: string,
  parameters: readonly Type[],
  result: Type,
  call: OfText,
  form?: Form,
): Callable {
  return {
    overloads: [[['string', ...parameters], result]],
    steps: 4,
    ...(form && { form }),
    call(frame, text, ...rest) {
      if (typeof text !== 'string') throw mismatch(name, text);
      for (let at = 0; at < rest.length; at += 1)
        if (kindOf(rest[at]) !== parameters[at]) throw mismatch(name, rest[at]);
      return (call as Callable['call'])(frame, text, ...rest);
    },
  };
}

const ascii = /^[\x00-\x7f]*$/;

function caseMapper(name: string, letters: RegExp, map: (text: string) => string, form: Form): Callable {
  return ofText(
    name,
    [],
    'string',
    function changeCase(frame, text) {
      frame.spend(text.length >> 1);
      if (ascii.test(text)) return map(text);
      // Every other character may be one of the letters, and each run of them costs a call.
      frame.spend(text.length * 6);
      return text.replace(letters, map);
    },
    form,
  );
}

function timePart(name: string): Callable {
  const { read, range } = timestampParts[name] as (typeof timestampParts)[string];
  const ofDuration = durationParts[name];
  const overloads: Overload[] = [[['timestamp'], 'int']];
  if (ofDuration !== undefined) overloads.push([['duration'], 'int']);
  return {
    overloads,
    steps: 30,
    form: rangeForm(name, ...range),
    // The hours of a duration have no upper limit.
    ...(ofDuration !== undefined && { formOf: 'timestamp' }),
    call(_frame, value) {
      if (value instanceof Timestamp) return BigInt(read(value.toDate()));
      if (value instanceof Duration && ofDuration !== undefined) return ofDuration(value);
      throw mismatch(name, value);
    },
  };
}

function ends(name: 'startsWith' | 'endsWith'): Callable {
  return ofText(name, ['string'], 'bool', function isAtAnEnd(frame: Frame, text: string, part: string) {
    frame.spend(part.length >> 5);
    return text[name](part);
  } as OfText);
}

/** The methods, by name and number of arguments without the receiver. */
export const methods: Readonly<Record<string, Callable>> = {
  'size/0': sizes,
  'startsWith/1': ends('startsWith'),
  'endsWith/1': ends('endsWith'),
  'contains/1': ofText('contains', ['string'], 'bool', contains as OfText),
  'lowerAscii/0': caseMapper('lowerAscii', /[A-Z]+/g, (text) => text.toLowerCase(), lowerForm),
  'upperAscii/0': caseMapper('upperAscii', /[a-z]+/g, (text) => text.toUpperCase(), upperForm),
  'trim/0': ofText('trim', [], 'string', trim),
  'substring/1': ofText('substring', ['int'], 'string', substring as OfText),
  'substring/2': ofText('substring', ['int', 'int'], 'string', substring as OfText),
  'indexOf/1': ofText('indexOf', ['string'], 'int', indexOf as OfText),
  'indexOf/2': ofText('indexOf', ['string', 'int'], 'int', indexOf as OfText),
  'replace/2': ofText('replace', ['string', 'string'], 'string', replace as OfText),
  'replace/3': ofText('replace', ['string', 'string', 'int'], 'string', replace as OfText),
  'split/1': ofText('split', ['string'], listOf('string'), split as OfText),
  'split/2': ofText('split', ['string', 'int'], listOf('string'), split as OfText),
  'join/0': { overloads: [[[listOf('string')], 'string']], steps: 10, call: join },
  'join/1': { overloads: [[[listOf('string'), 'string'], 'string']], steps: 10, call: join },
  ...Object.fromEntries(Object.keys(timestampParts).map((name) => [`${name}/0`, timePart(name)])),
};

/** A part of a timestamp in a time zone. */
export function zonedPart(name: string, shift: (date: Date) => Date): Callable {
  const { read, range } = timestampParts[name] as (typeof timestampParts)[string];
  return {
    overloads: [[['timestamp'], 'int']],
    steps: 850,
    form: rangeForm(name, ...range),
    call(_frame, value) {
      if (!(value instanceof Timestamp))
        throw new EvaluationError(`${name} with a zone does not take ${kindOf(value)}`);
      return BigInt(read(shift(value.toDate())));
    },
  };
}
