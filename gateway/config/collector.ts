import { displayValue } from '../../base/display-value.ts';
import { messageOf } from '../../base/message-of.ts';
import { ConfigurationError, type ProblemCode, type Warn } from '../../base/schema/configuration-error.ts';
import type { SchemaProblem } from '../../base/schema/schema-problem.ts';
import { nearest, suggestion } from '../../base/suggestion.ts';
import type { ConfigurationDocument } from './place.ts';
import { type ConfigurationProblem, formatPath, InvalidConfiguration } from './problems.ts';

type Path = readonly (string | number)[];

/** Collects the problems of one document, so that a reader sees all of them at once. */
export class ProblemCollector {
  #document: ConfigurationDocument;
  readonly #problems: ConfigurationProblem[] = [];
  readonly #warnings: ConfigurationProblem[] = [];

  constructor(document: ConfigurationDocument) {
    this.#document = document;
  }

  add(path: Path, message: string, hint?: string, code: ProblemCode = 'config:meaning'): void {
    this.#problems.push(this.#at(path, message, hint, code));
  }

  /** Something that does not make the configuration invalid. */
  warn(path: Path, message: string, hint?: string): void {
    this.#warnings.push(this.#at(path, message, hint, 'config:meaning'));
  }

  /** How many errors and warnings there are. */
  get count(): number {
    return this.#problems.length + this.#warnings.length;
  }

  /** Lets go of the document, which plugins would keep as long as they keep what they warn by. */
  release(): void {
    this.#document = { file: this.#document.file, value: undefined, locate: () => undefined };
  }

  /** Receives warnings whose paths begin below `path`. */
  warnBelow(path: Path): Warn {
    return (below, message, hint) => this.warn([...path, ...below], message, hint);
  }

  #at(path: Path, message: string, hint: string | undefined, code: ProblemCode): ConfigurationProblem {
    const place = this.#document.locate(path);
    return { code, path: formatPath(path), line: place?.line, column: place?.column, message, hint };
  }

  /** Adds an error thrown while the part at `path` was prepared. */
  addError(path: Path, error: unknown): void {
    if (error instanceof ConfigurationError)
      this.add([...path, ...error.path], error.message, error.hint, error.code);
    else this.add(path, messageOf(error));
  }

  /** Makes a part. If that throws, the error becomes a problem at `path`, and the part is undefined. */
  attempt<Value>(path: Path, make: () => Value): Value | undefined {
    try {
      return make();
    } catch (error) {
      this.addError(path, error);
      return undefined;
    }
  }

  /** Adds a problem found by a schema; `knownKeys` returns the valid keys at a path, for a hint at a misspelt one. */
  addSchema(problem: SchemaProblem, knownKeys: (path: Path) => readonly string[]): void {
    const key = String(problem.path.at(-1));
    if (problem.unknownKey === true) {
      const hint = suggestion(key, knownKeys(problem.path.slice(0, -1)));
      return this.add(problem.path, problem.message, hint, 'config:unknown-key');
    }
    const value = valueAt(this.#document.value, problem.path);
    // The message already names the candidates.
    const hint =
      typeof value === 'string' && problem.candidates ? nearest(value, problem.candidates) : undefined;
    const hidden =
      problem.hideValue === true ||
      problem.path.some((step) => secretKeys.has(String(step))) ||
      // That the value is a map is worth a mention only if something else was expected.
      (typeof value === 'object' && value !== null && !problem.message.startsWith('expected'));
    const got = hidden ? '' : describeValue(value);
    this.add(problem.path, `${problem.message}${got}`, hint, 'config:value');
  }

  /** @throws InvalidConfiguration with all problems, by line, if there are any */
  throwIfAny(): void {
    if (this.#problems.length > 0)
      throw new InvalidConfiguration(this.#document.file, this.#problems.sort(byPlace));
  }

  /** All warnings, by line. */
  warnings(): readonly ConfigurationProblem[] {
    return this.#warnings.sort(byPlace);
  }
}

function byPlace(a: ConfigurationProblem, b: ConfigurationProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** Keys whose values may contain a secret, in its place or by mistake: a URL can contain a user and a password. */
const secretKeys: ReadonlySet<string> = new Set([
  'secret',
  'url',
  'transport',
  'publicUrl',
  'controlUrl',
  'credentials',
]);

/** The value got, if it is informative: not the content of a map or a list, and no long text. */
function describeValue(value: unknown): string {
  if (value === undefined) return '; it is missing';
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return `; got ${value}`;
  if (typeof value === 'string') return `; got ${displayValue(value)}`;
  if (typeof value === 'object') return `; got ${Array.isArray(value) ? 'a list' : 'a map'}`;
  return '';
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}
