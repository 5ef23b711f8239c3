import type { Expression, ExpressionWarn } from './expression.ts';

export { EvaluationError, MissingKey, StepLimitExceeded } from './errors.ts';
export type { Expression, ExpressionWarn } from './expression.ts';
export { parseJson } from './json.ts';
export type { WebhookAttribute } from './names.ts';

/**
 * Compiles an expression in CEL (https://cel.dev, language definition) against the names of docs/expressions.md.
 *
 * All that can be wrong without a request is found here. The compiler is loaded when the first expression is.
 *
 * @throws ConfigurationError with line and caret, and a hint for a misspelt name
 */
export async function compileExpression(
  source: string,
  want: { readonly result: 'boolean'; readonly warn?: ExpressionWarn },
): Promise<Expression> {
  const { buildExpression } = await import('./build.ts');
  return buildExpression(source, want.warn);
}
