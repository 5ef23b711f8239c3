import { CodedError } from '../coded-error.ts';

/**
 * Reports something in a configuration that works but is probably not meant, such as a short key.
 *
 * `path` and `hint` are those of a ConfigurationError; the line is added on the way.
 */
export type Warn = (path: readonly (string | number)[], message: string, hint?: string) => void;

/**
 * Something in a configuration is wrong, found while preparing it.
 *
 * `path` leads from the options of the plugin (or from the part being compiled) to the wrong value. The code that catches the
 * error puts its own path before it and finds the line.
 */
export class ConfigurationError extends CodedError<ProblemCode> {
  readonly path: readonly (string | number)[];
  readonly hint: string | undefined;

  constructor(
    message: string,
    path: readonly (string | number)[] = [],
    hint?: string,
    code: ProblemCode = 'config:meaning',
  ) {
    super(code, message);
    this.path = path;
    this.hint = hint;
  }
}

/**
 * What kind of problem it is: the file cannot be read as YAML or JSON, a key is unknown, a value has another form than its option, an
 * expression is wrong, a secret cannot be read, or the parts do not fit together.
 */
export type ProblemCode =
  | 'config:syntax'
  | 'config:unknown-key'
  | 'config:value'
  | 'config:expression'
  | 'config:secret'
  | 'config:meaning';
