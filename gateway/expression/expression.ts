import type { Exchange } from '../request/exchange.ts';

/** Decides about a request. @throws EvaluationError or StepLimitExceeded, which the caller must take for a refusal */
export interface Expression {
  (exchange: Exchange): boolean;
  /** The value, when no request changes it: `true` alone. */
  readonly constant?: boolean;
}

/** Takes what is probably not meant, with line and caret. */
export type ExpressionWarn = (message: string, hint?: string) => void;
