import { type ConfigurationProblem, InvalidConfiguration } from './problems.ts';

/** The place of a value in a file; both numbers start at 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed file: plain values, and the place of each. */
export interface ConfigurationDocument {
  readonly file: string;
  readonly value: unknown;
  locate(path: readonly (string | number)[]): Place | undefined;
}

/** Most programs silently lose such a key and everything below it. */
export const protoMessage = 'the key __proto__ cannot be used; choose another name';

/** The error for a file that cannot be parsed. */
export function invalid(
  file: string,
  ...problems: readonly (Partial<ConfigurationProblem> & { readonly message: string })[]
): InvalidConfiguration {
  return new InvalidConfiguration(
    file,
    problems.map((problem) => ({
      code: 'config:syntax' as const,
      path: '',
      line: undefined,
      column: undefined,
      ...problem,
    })),
  );
}
