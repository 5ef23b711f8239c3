import { CodedError } from '../../base/coded-error.ts';
import { displayValue } from '../../base/display-value.ts';
import type { ProblemCode } from '../../base/schema/configuration-error.ts';

/** One error or warning about a configuration, at its place in the file. */
export interface ConfigurationProblem {
  readonly code: ProblemCode;
  /** Dotted, as written in the file: `routes.github.plugins.webhook.secret`. */
  readonly path: string;
  /** Starts at 1; undefined if the place is unknown. */
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A configuration that cannot be used, with all its errors. */
export class InvalidConfiguration extends CodedError {
  readonly file: string;
  readonly problems: readonly ConfigurationProblem[];

  constructor(file: string, problems: readonly ConfigurationProblem[]) {
    super('config:invalid', problems.map((problem) => formatProblem(file, problem)).join('\n'));
    this.file = file;
    this.problems = problems;
  }
}

/** `postern.yaml:12:7 routes.github.service: unknown service "build"; did you mean "builds"?` */
export function formatProblem(
  file: string,
  { path, line, column, message, hint }: Omit<ConfigurationProblem, 'code'>,
): string {
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  // A message may continue with lines that show the place; the hint belongs to the first line.
  const [first, ...more] = message.split('\n');
  const sentence = `${place} ${path === '' ? '' : `${path}: `}${first}${hint === undefined ? '' : `; ${hint}`}`;
  return [sentence, ...more].join('\n');
}

/**
 * Keys that are not plain words are quoted, so that a path is unambiguous. A key that is long or has a colon is hidden: in YAML a
 * value becomes part of its key if the blank after the colon is missing (`secret:s3cret`).
 */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((key) =>
      typeof key === 'number'
        ? `[${key}]`
        : /^[A-Za-z0-9_-]{1,63}$/.test(key)
          ? `.${key}`
          : `[${key.includes(':') ? '…' : displayValue(key)}]`,
    )
    .join('')
    .replace(/^\./, '');
}
