import type { Exchange } from '../exchange.ts';

export { EvaluationError, MissingKey, StepLimitExceeded } from './errors.ts';
export { parseJson } from './json.ts';
export type { WebhookAttribute } from './names.ts';

/** Decides about a request. @throws EvaluationError or StepLimitExceeded, which the caller must take for a refusal */
export interface Expression {
  (exchange: Exchange): boolean;
  /** The value, when no request changes it: `true` alone. */
  readonly constant?: boolean;
}

/** Takes what is probably not meant, with line and caret. */
export type ExpressionWarn = (message: string, hint?: string) => void;

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
