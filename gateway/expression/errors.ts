/**
 * An expression could not be evaluated: a key is missing, a value has the wrong type, a number overflows.
 *
 * As in every CEL implementation, `&&`, `||`, `all` and `exists` ignore it if the rest decides alone.
 */
export class EvaluationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EvaluationError';
  }
}

/** A map does not have the requested key. In `match` of a consumer it means that this consumer does not match. */
export class MissingKey extends EvaluationError {
  constructor(message: string) {
    super(message);
    this.name = 'MissingKey';
  }
}

/** The expressions took more steps than allowed for one request. Nothing ignores this error: the evaluation ends. */
export class StepLimitExceeded extends Error {
  constructor(limit: number) {
    super(`the expressions took more than ${limit} steps`);
    this.name = 'StepLimitExceeded';
  }
}
