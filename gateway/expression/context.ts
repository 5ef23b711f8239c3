/** What expressions are evaluated over, such as a request. What else there is of it is read by the fields of its names. */
export interface ExpressionContext {
  /** How much work the expressions over it have done, in steps; they share one budget, see maxSteps. */
  expressionSteps: number;
}

/** Counts the work of one evaluation. */
export interface Steps {
  /** Counts work that depends on data. @throws StepLimitExceeded */
  spend(steps: number): void;
}
