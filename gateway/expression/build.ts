import type { Exchange } from '../exchange.ts';
import { Compiler } from './compile.ts';
import { type ASTNode, check } from './dialect.ts';
import { EvaluationError } from './errors.ts';
import { Frame } from './frame.ts';
import type { Expression } from './index.ts';
import { loadPatternCompiler } from './pattern.ts';
import { kindOf } from './values.ts';

const noSlots: unknown[] = [];

/** Compiles one expression; see compileExpression. */
export async function buildExpression(source: string): Promise<Expression> {
  const tree = check(source);
  const compiler = new Compiler(source, usesPatterns(source) ? await loadPatternCompiler() : undefined);
  const { code } = compiler.compile(tree as ASTNode);
  const { slots } = compiler;
  return function evaluate(exchange: Exchange): boolean {
    const value = code(new Frame(exchange, slots === 0 ? noSlots : new Array(slots)));
    if (typeof value === 'boolean') return value;
    throw new EvaluationError(`the expression gave ${kindOf(value)}, not bool`);
  };
}

/** A text that only mentions the word loads the engine for nothing, which does no harm. */
function usesPatterns(source: string): boolean {
  return source.includes('matches');
}
