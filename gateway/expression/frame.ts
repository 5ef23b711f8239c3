import type { ExpressionContext, Steps } from './context.ts';
import { EvaluationError, StepLimitExceeded } from './errors.ts';

/**
 * The total work of all expressions over one context, such as a request. A step is about 10 ns on a current core, so this is about
 * 10 ms.
 *
 * CEL's only loops are its macros, which run over lists from a sender and can be nested, so work is counted where it depends on data.
 * Work that depends only on the source is bounded by the limits on the source.
 */
export const maxSteps = 800_000;

/** The cost of an error, which needs a stack trace and a message: 3 to 6 µs. */
const errorSteps = 800;

/** The state of one evaluation. */
export class Frame implements Steps {
  readonly context: ExpressionContext;
  /** The values of macro variables, by slot. Slots are assigned when the expression is compiled. */
  readonly slots: unknown[];

  constructor(context: ExpressionContext, slots: unknown[]) {
    this.context = context;
    this.slots = slots;
  }

  spend(steps: number): void {
    this.context.expressionSteps += steps;
    if (this.context.expressionSteps > maxSteps) throw new StepLimitExceeded(maxSteps);
  }

  /** Returns an error that the rest of the expression may ignore. @throws any other error, and StepLimitExceeded */
  caught(error: unknown): EvaluationError {
    if (!(error instanceof EvaluationError)) throw error;
    this.spend(errorSteps);
    return error;
  }
}

/** A compiled part of an expression. */
export type Code = (frame: Frame) => unknown;
