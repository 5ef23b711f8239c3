import type { Names } from './names.ts';
import type { ResultKind } from './results.ts';

/** Gives a value for a context. @throws EvaluationError or StepLimitExceeded, which the caller must take for a refusal */
export interface Expression<Context, Value> {
  (context: Context): Value;
  /** The value, when no context changes it: that of a literal alone, such as `true`. */
  readonly constant?: Value;
}

/** Takes what is probably not meant, with line and caret. */
export type ExpressionWarn = (message: string, hint?: string) => void;

/** How an expression is compiled. */
export interface ExpressionOptions<Context, Kind extends ResultKind> {
  /** What it can name. */
  readonly names: Names<Context>;
  /** What it must give; ResultTypes has the JavaScript values. */
  readonly result: Kind;
  readonly warn?: ExpressionWarn | undefined;
}
