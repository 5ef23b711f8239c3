import { CodedError } from '../coded-error.ts';

/**
 * Tells of something in a configuration that works and is probably not meant, such as a key that is short.
 *
 * `path` and `hint` are those of a ConfigurationError; the place is added on the way.
 */
export type Warn = (path: readonly (string | number)[], message: string, hint?: string) => void;

/**
 * Something in a configuration is wrong, found while it was being prepared.
 *
 * `path` leads from the options of the plugin (or from the part being compiled) to the wrong value; whoever catches it
 * puts the path before it and finds the line.
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
