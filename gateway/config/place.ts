import { type ConfigurationProblem, InvalidConfiguration } from './problems.ts';

/** Where something stands in a file; both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed file: plain values, and where each of them stands. */
export interface ConfigurationDocument {
  readonly file: string;
  readonly value: unknown;
  locate(path: readonly (string | number)[]): Place | undefined;
}

/** Most programs lose such a key, and what is below it, without a word. */
export const protoMessage = 'the key __proto__ cannot be used; choose another name';

/** An error of a file that cannot be read as what it is. */
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
