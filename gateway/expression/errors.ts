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

/** A map does not have the key that was asked for. In `match` of a consumer it means: not this one. */
export class MissingKey extends EvaluationError {
  constructor(message: string) {
    super(message);
    this.name = 'MissingKey';
  }
}

/** The expressions took more steps than one request may. Nothing passes over it: the evaluation ends. */
export class StepLimitExceeded extends Error {
  constructor(limit: number) {
    super(`the expressions took more than ${limit} steps`);
    this.name = 'StepLimitExceeded';
  }
}
