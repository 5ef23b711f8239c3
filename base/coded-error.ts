/**
 * What keeps a program from starting or a configuration from being used.
 *
 * `code` is stable and has the form `area:what`: scripts and alarms match on it. The message says what happened, the value got and what
 * to do, and never a secret.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}
