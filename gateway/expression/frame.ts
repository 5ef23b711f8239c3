import type { ExpressionContext, Steps } from './context.ts';
import { EvaluationError, StepLimitExceeded } from './errors.ts';

/**
 * How much work the expressions over one context, such as a request, may do together. A step is about 10 ns on a current core, so this is
 * about 10 ms.
 *
 * CEL has no loops but its macros run over lists that a sender fills, and inside one another; so work is counted where
 * it depends on data. What depends on the source alone is bounded by the limits on the source.
 */
export const maxSteps = 800_000;

/** An error costs its stack trace and its message, 3 to 6 µs. */
const errorSteps = 800;

/** What one evaluation has at hand. */
export class Frame implements Steps {
  readonly context: ExpressionContext;
  /** The values of macro variables, by the slot that each got when the expression was compiled. */
  readonly slots: unknown[];

  constructor(context: ExpressionContext, slots: unknown[]) {
    this.context = context;
    this.slots = slots;
  }

  spend(steps: number): void {
    this.context.expressionSteps += steps;
    if (this.context.expressionSteps > maxSteps) throw new StepLimitExceeded(maxSteps);
  }

  /** Takes an error that the rest of the expression may pass over. @throws what is no such error, or StepLimitExceeded */
  caught(error: unknown): EvaluationError {
    if (!(error instanceof EvaluationError)) throw error;
    this.spend(errorSteps);
    return error;
  }
}

/** A compiled part of an expression. */
export type Code = (frame: Frame) => unknown;
