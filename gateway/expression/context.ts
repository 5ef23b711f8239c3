/** The subject of an evaluation, such as a request. Its names define how its other parts are read. */
export interface ExpressionContext {
  /** The work of the expressions over it, in steps. They share one budget, see maxSteps. */
  expressionSteps: number;
}

/** Counts the work of one evaluation. */
export interface Steps {
  /** Counts work that depends on data. @throws StepLimitExceeded */
  spend(steps: number): void;
}
