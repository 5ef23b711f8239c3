import { readFileSync } from 'node:fs';
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { compileTree } from '../../../gateway/expression/build.ts';
import { functionNames } from '../../../gateway/expression/calls.ts';
import { EvaluationError, StepLimitExceeded } from '../../../gateway/expression/index.ts';
import type { AnyNames, Field } from '../../../gateway/expression/names.ts';
import { parse } from '../../../gateway/expression/parser.ts';
import type { Result } from '../../../gateway/expression/results.ts';
import type { Node as Tree } from '../../../gateway/expression/syntax.ts';
import { Duration, Timestamp } from '../../../gateway/expression/time.ts';

interface Node {
  readonly name: string;
  readonly suites?: readonly Node[];
  readonly tests?: readonly { readonly original: Case }[];
}

type Case = ReturnType<typeof getConformanceSuite>['tests'][number]['original'];
type CelValue = NonNullable<Extract<Case['resultMatcher'], { case: 'value' }>['value']>;

/** A value that expressions do not have. */
class Foreign extends Error {}

export interface Outcome {
  readonly where: string;
  readonly expression: string;
  readonly verdict: 'right' | 'refused' | 'wrong';
  readonly detail: string;
  /** Whether a value is expected, not an error. */
  readonly givesValue: boolean;
  /** Why it does not belong to the core that is supported; undefined when it does. */
  readonly leftOut: string | undefined;
}

const { sections, expressions, results } = JSON.parse(
  readFileSync(new URL('conformance.json', import.meta.url), 'utf8'),
) as Record<'sections' | 'expressions', readonly [pattern: string, reason: string][]> & {
  readonly results: Readonly<Record<string, string>>;
};

/** Runs all cases of CEL's conformance suite. */
export async function runConformance(): Promise<readonly Outcome[]> {
  return Promise.all(casesOf(getConformanceSuite() as unknown as Node, []).map(run));
}

function casesOf(node: Node, path: readonly string[]): (readonly [where: string, one: Case])[] {
  const own = (node.tests ?? []).map(
    ({ original }) => [[...path, original.name].join('/'), original] as const,
  );
  return [...own, ...(node.suites ?? []).flatMap((suite) => casesOf(suite, [...path, suite.name]))];
}

async function run([where, one]: readonly [string, Case]): Promise<Outcome> {
  const { case: matcher, value } = one.resultMatcher;
  const wanted = matcher === 'typedResult' ? value.result : matcher === 'value' ? value : undefined;
  const givesValue = matcher === 'value';
  const about = { where, expression: one.expr, givesValue, leftOut: leftOut(where, one) };
  let got: unknown;
  try {
    got = await evaluateCase(one);
  } catch (error) {
    if (error instanceof Foreign) return { ...about, verdict: 'refused', detail: error.message };
    if (!isExpected(error)) throw error;
    return { ...about, verdict: matcher === 'evalError' ? 'right' : 'refused', detail: error.message };
  }
  const text = show(got);
  if (matcher === 'evalError') return { ...about, verdict: 'wrong', detail: `${text} instead of an error` };
  if (matcher === 'typedResult' && wanted === undefined)
    return { ...about, verdict: 'refused', detail: 'only a type is expected' };
  const expected = wanted === undefined ? 'true' : expectedText(wanted);
  return { ...about, verdict: text === expected ? 'right' : 'wrong', detail: `${text}, not ${expected}` };
}

const anyResult: Result<unknown> = { types: ['dyn'], read: (value) => value };

async function evaluateCase(one: Case): Promise<unknown> {
  const names = namesOf(one);
  const tree = parse(one.expr);
  const evaluate = await compileTree(
    one.expr,
    one.disableCheck ? unchecked(tree, names) : tree,
    names,
    anyResult,
  );
  return evaluate({ expressionSteps: 0 });
}

/**
 * The tree as it is without the type check, which some cases turn off: literals have the type dyn, and what is not
 * declared is an error when it is evaluated.
 */
function unchecked(tree: Tree, names: AnyNames): Tree {
  const unknown = { type: 'dyn', about: '', read: () => undefined } as const;
  const values = names as Record<string, AnyNames[string]>;
  const known = functionNames();
  const place = { start: tree.start, end: tree.end };
  function undeclared(name: string): Tree {
    values[name] ??= unknown;
    return { kind: 'name', name, ...place };
  }
  function visit(node: Tree): Tree {
    const dyn = (inner: Tree): Tree => ({
      kind: 'call',
      name: 'dyn',
      receiver: undefined,
      args: [inner],
      ...place,
    });
    switch (node.kind) {
      case 'literal':
        return dyn(node);
      case 'name':
        return undeclared(node.name);
      case 'select':
        return { ...node, owner: visit(node.owner) };
      case 'call': {
        if (!known.includes(node.name)) return undeclared(`${node.name}()`);
        // Macros and patterns are no values.
        if (node.receiver !== undefined || node.name === 'has') return node;
        return { ...node, args: node.args.map(visit) };
      }
      case 'list':
        return dyn({ ...node, items: node.items.map(visit) });
      case 'unary':
        return { ...node, operand: visit(node.operand) };
      case 'binary':
        return { ...node, left: visit(node.left), right: visit(node.right) };
      case 'conditional':
        return { ...node, condition: visit(node.condition), yes: visit(node.yes), no: visit(node.no) };
      default:
        return node;
    }
  }
  return visit(tree);
}

function isExpected(error: unknown): error is Error {
  return (
    error instanceof ConfigurationError ||
    error instanceof EvaluationError ||
    error instanceof StepLimitExceeded
  );
}

function leftOut(where: string, { expr, resultMatcher }: Case): string | undefined {
  const kind = resultMatcher.case === 'value' ? (resultMatcher.value.kind.case ?? '') : '';
  const matching = (subject: string) => (pair: readonly [string, string]) =>
    new RegExp(pair[0]).test(subject);
  return sections.find(matching(where))?.[1] ?? expressions.find(matching(expr))?.[1] ?? results[kind];
}

function namesOf({ bindings, typeEnv, container }: Case): AnyNames {
  if (container !== '' && !container.startsWith('cel.expr')) throw new Foreign('a container of names');
  const names: Record<string, AnyNames[string]> = {};
  const dyn = (value: unknown): Field<unknown> => ({ type: 'dyn', about: '', read: () => value });
  for (const { name } of typeEnv) names[name] = dyn(undefined);
  for (const [name, bound] of Object.entries(bindings)) {
    if (bound.kind.case !== 'value') throw new Foreign('a binding without a value');
    const [first = '', second] = name.split('.');
    const field = dyn(fromCel(bound.kind.value));
    names[first] = second === undefined ? field : { fields: { [second]: field } };
  }
  return names;
}

function fromCel({ kind }: CelValue): unknown {
  switch (kind.case) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'doubleValue':
    case 'stringValue':
    case 'int64Value':
      return kind.value;
    case 'listValue':
      return kind.value.values.map(fromCel);
    case 'mapValue':
      return new Map(
        kind.value.entries.map(({ key, value }) => [fromCel(key as CelValue), fromCel(value as CelValue)]),
      );
    case 'objectValue':
      return fromMessage(kind.value);
    default:
      throw new Foreign(`a value of kind ${kind.case}`);
  }
}

/** Times are bound as messages: field 1 has the seconds, field 2 the nanoseconds. */
function fromMessage({ typeUrl, value }: { readonly typeUrl: string; readonly value: Uint8Array }): unknown {
  const made = { 'google.protobuf.Timestamp': Timestamp, 'google.protobuf.Duration': Duration }[
    typeUrl.replace(/.*\//, '')
  ];
  if (made === undefined) throw new Foreign(`a message ${typeUrl}`);
  const fields = [0n, 0n, 0n];
  for (let at = 0; at < value.length; ) {
    const field = (value[at++] as number) >> 3;
    let shift = 0n;
    for (let byte = 0x80; byte & 0x80; shift += 7n) {
      byte = value[at++] as number;
      fields[field] = (fields[field] as bigint) | (BigInt(byte & 0x7f) << shift);
    }
  }
  return new made(
    BigInt.asIntN(64, fields[1] as bigint) * 1_000_000_000n + BigInt.asIntN(64, fields[2] as bigint),
  );
}

/** A text that differs for values that differ, by type too. */
function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : `${value}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value instanceof Map)
    return `{${[...value]
      .map(([key, one]) => `${show(key)}: ${show(one)}`)
      .sort()
      .join(', ')}}`;
  if (value instanceof Timestamp || value instanceof Duration) return `${value.constructor.name} ${value}`;
  return typeof value === 'object' && value !== null ? show(new Map(Object.entries(value))) : String(value);
}

/** What expressions do not have is shown as something that they never give. */
function expectedText(value: CelValue): string {
  try {
    return show(fromCel(value));
  } catch (error) {
    if (error instanceof Foreign) return error.message;
    throw error;
  }
}
