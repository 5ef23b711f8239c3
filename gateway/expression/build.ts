import type { Exchange } from '../request/exchange.ts';
import { Compiler } from './compile.ts';
import { EvaluationError } from './errors.ts';
import type { Expression, ExpressionWarn } from './expression.ts';
import { Frame } from './frame.ts';
import { type Names, names } from './names.ts';
import { parse } from './parser.ts';
import { loadPatternCompiler } from './pattern.ts';
import { sourceError } from './source-error.ts';
import type { Node } from './syntax.ts';
import { fits, type Type, typeText } from './types.ts';
import { kindOf } from './values.ts';

const noSlots: unknown[] = [];

/** Compiles one expression; see compileExpression. */
export async function buildExpression(source: string, warn?: ExpressionWarn): Promise<Expression> {
  const tree = parse(source);
  const evaluateAny = await compileTree(source, tree, names, 'bool', warn);
  function evaluate(exchange: Exchange): boolean {
    const value = evaluateAny(exchange);
    if (typeof value === 'boolean') return value;
    throw new EvaluationError(`the expression gave ${kindOf(value)}, not bool`);
  }
  return tree.kind === 'literal' && typeof tree.value === 'boolean'
    ? Object.assign(evaluate, { constant: tree.value })
    : evaluate;
}

/** Compiles a tree over some names that gives a value of a type. */
export async function compileTree(
  source: string,
  tree: Node,
  known: Names,
  wanted: Type,
  warn: ExpressionWarn = () => {},
): Promise<(exchange: Exchange) => unknown> {
  const patterns = usesPatterns(source) ? await loadPatternCompiler() : undefined;
  const compiler = new Compiler(source, known, patterns, warn);
  const { code, type } = compiler.compile(tree);
  if (!fits(type, wanted) || (type === 'dyn' && wanted !== 'dyn')) {
    const hint = type === 'dyn' ? 'compare it, for example with == true' : undefined;
    const message = `the expression gives ${typeText(type)}; it must give ${typeText(wanted)}`;
    throw sourceError(source, tree, message, hint);
  }
  const { slots } = compiler;
  return function evaluate(exchange) {
    return code(new Frame(exchange, slots === 0 ? noSlots : new Array(slots)));
  };
}

/** A text that only mentions the word loads the engine for nothing, which does no harm. */
function usesPatterns(source: string): boolean {
  return source.includes('matches');
}
