import type { Names } from './names.ts';
import type { ResultKind } from './results.ts';

/** Returns a value for a context. @throws EvaluationError or StepLimitExceeded, which the caller must treat as a refusal */
export interface Expression<Context, Value> {
  (context: Context): Value;
  /** The value, if it is the same for every context, such as that of the literal `true`. */
  readonly constant?: Value;
}

/** Receives warnings about something that is probably not meant, with line and caret. */
export type ExpressionWarn = (message: string, hint?: string) => void;

/** How to compile an expression. */
export interface ExpressionOptions<Context, Kind extends ResultKind> {
  /** The names that it can use. */
  readonly names: Names<Context>;
  /** The kind of its result; ResultTypes lists the JavaScript values. */
  readonly result: Kind;
  readonly warn?: ExpressionWarn | undefined;
}
