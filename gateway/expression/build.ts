import { Compiler } from './compile.ts';
import type { ExpressionContext } from './context.ts';
import { EvaluationError } from './errors.ts';
import type { Expression, ExpressionOptions, ExpressionWarn } from './expression.ts';
import { Frame } from './frame.ts';
import type { AnyNames } from './names.ts';
import { parse } from './parser.ts';
import { loadPatternCompiler } from './pattern.ts';
import { type Result, type ResultKind, type ResultTypes, results } from './results.ts';
import { sourceError } from './source-error.ts';
import type { Node } from './syntax.ts';
import { fits, type Type, typeText } from './types.ts';
import { kindOf } from './values.ts';

const noSlots: unknown[] = [];

/** Compiles one expression; see compileExpression. */
export async function buildExpression<Context extends ExpressionContext, Kind extends ResultKind>(
  source: string,
  { names, result, warn }: ExpressionOptions<Context, Kind>,
): Promise<Expression<Context, ResultTypes[Kind]>> {
  const tree = parse(source);
  const evaluate = await compileTree<ResultTypes[Kind]>(source, tree, names, results[result], warn);
  if (tree.kind !== 'literal') return evaluate;
  try {
    return Object.assign(evaluate, { constant: evaluate({ expressionSteps: 0 }) });
  } catch (error) {
    if (error instanceof EvaluationError) throw sourceError(source, tree, error.message);
    throw error;
  }
}

/** Compiles a tree with some names. */
export async function compileTree<Value>(
  source: string,
  tree: Node,
  names: AnyNames,
  result: Result<Value>,
  warn: ExpressionWarn = () => {},
): Promise<(context: ExpressionContext) => Value> {
  const patterns = usesPatterns(source) ? await loadPatternCompiler() : undefined;
  const compiler = new Compiler(source, names, patterns, warn);
  const { code, type } = compiler.compile(tree);
  const { types, dynHint, hint, read } = result;
  if (type === 'dyn' ? dynHint !== undefined : !types.some((one) => fits(type, one)))
    throw sourceError(
      source,
      tree,
      `the expression gives ${typeText(type)}; it must give ${textOf(types)}`,
      type === 'dyn' ? dynHint : hint,
    );
  const { slots } = compiler;
  return function evaluate(context) {
    const frame = new Frame(context, slots === 0 ? noSlots : new Array(slots));
    const given = code(frame);
    const value = read(given, frame);
    if (value === undefined)
      throw new EvaluationError(`the expression gave ${kindOf(given)}, not ${textOf(types)}`);
    return value;
  };
}

function textOf(types: readonly Type[]): string {
  return types.map(typeText).join(' or ');
}

/** A literal that only contains the word loads the engine needlessly, which is harmless. */
function usesPatterns(source: string): boolean {
  return source.includes('matches');
}
