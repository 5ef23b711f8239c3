import type { ExpressionContext } from './context.ts';
import type { Expression, ExpressionOptions } from './expression.ts';
import type { ResultKind, ResultTypes } from './results.ts';

export { EvaluationError, MissingKey, StepLimitExceeded } from './errors.ts';
export type { Expression, ExpressionOptions, ExpressionWarn } from './expression.ts';
export { parseJson } from './json.ts';
export { field, joinNames, type Names } from './names.ts';
export type { ResultKind, ResultTypes } from './results.ts';

/**
 * Compiles an expression in CEL (https://cel.dev, language definition) that reads a context by names.
 *
 * Finds all errors that do not depend on a context. The compiler is loaded with the first expression.
 *
 * @throws ConfigurationError with line and caret, and a hint for a misspelt name
 */
export async function compileExpression<Context extends ExpressionContext, Kind extends ResultKind>(
  source: string,
  options: ExpressionOptions<Context, Kind>,
): Promise<Expression<Context, ResultTypes[Kind]>> {
  const { buildExpression } = await import('./build.ts');
  return buildExpression(source, options);
}
