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
export class ConfigurationError extends Error {
  readonly path: readonly (string | number)[];
  readonly hint: string | undefined;

  constructor(message: string, path: readonly (string | number)[] = [], hint?: string) {
    super(message);
    this.name = 'ConfigurationError';
    this.path = path;
    this.hint = hint;
  }
}
