/**
 * An expression could not be evaluated: a key is missing, a value has the wrong type, a number overflows.
 *
 * As in every CEL implementation, `&&`, `||`, `all` and `exists` pass over it when the rest decides alone.
 */
export class EvaluationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EvaluationError';
  }
}

/** An evaluation took more steps than it may. Nothing passes over it: the evaluation ends. */
export class StepLimitExceeded extends Error {
  constructor(limit: number) {
    super(`the expression took more than ${limit} steps on this request`);
    this.name = 'StepLimitExceeded';
  }
}
