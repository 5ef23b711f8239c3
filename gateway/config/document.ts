import type { Document, LineCounter, YAMLError } from 'yaml';
import { type ConfigurationProblem, InvalidConfiguration } from './problems.ts';

/** The text of a configuration and the name of its file, for messages. A name that ends in `.json` is read as JSON. */
export interface ConfigurationSource {
  readonly file: string;
  readonly text: string;
}

/** A parsed file: plain values, and where each of them stands. */
export interface ConfigurationDocument {
  readonly file: string;
  readonly value: unknown;
  locate(path: readonly (string | number)[]): { readonly line: number; readonly column: number } | undefined;
}

const maxCharacters = 1024 * 1024;

/**
 * Parses YAML 1.2 or JSON. Duplicate keys, aliases that expand without end and other tags than the core ones are errors.
 *
 * @throws InvalidConfiguration with the place of each error
 */
export async function parseDocument({ file, text }: ConfigurationSource): Promise<ConfigurationDocument> {
  if (text.length > maxCharacters) {
    throw new InvalidConfiguration(file, [
      problem(`it has ${text.length} characters; the limit is ${maxCharacters}`),
    ]);
  }
  return file.endsWith('.json') ? parseJson(file, text) : parseYaml(file, text);
}

/** The way of a bundled function: JSON needs no parser beside the runtime's own, and no lines to point at. */
function parseJson(file: string, text: string): ConfigurationDocument {
  try {
    return { file, value: JSON.parse(text), locate: () => undefined };
  } catch (error) {
    throw new InvalidConfiguration(file, [problem((error as Error).message)]);
  }
}

async function parseYaml(file: string, text: string): Promise<ConfigurationDocument> {
  // The default export is there in every way to load a CommonJS module; names are not in a bundle.
  const { default: yaml } = await import('yaml');
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: true,
    strict: true,
  });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0)
    throw new InvalidConfiguration(
      file,
      errors.map((error) => syntaxProblem(error, counter)),
    );
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new InvalidConfiguration(file, [problem((error as Error).message)]);
  }
  return {
    file,
    value,
    locate: (path) => locate(document, counter, path, yaml.isMap, yaml.isScalar),
  };
}

/** The place of a value, or of the nearest thing around it that is in the file. A key counts as the start of its value. */
function locate(
  document: Document,
  counter: LineCounter,
  path: readonly (string | number)[],
  isMap: typeof import('yaml').isMap,
  isScalar: typeof import('yaml').isScalar,
): { line: number; column: number } | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = offsetOf(document, path.slice(0, length), isMap, isScalar);
    if (offset === undefined) continue;
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  }
  return undefined;
}

function offsetOf(
  document: Document,
  path: readonly (string | number)[],
  isMap: typeof import('yaml').isMap,
  isScalar: typeof import('yaml').isScalar,
): number | undefined {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const last = path.at(-1);
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
    if (pair !== undefined && isScalar(pair.key)) return pair.key.range?.[0];
    return undefined;
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  return (node as { range?: [number, number, number] } | null | undefined)?.range?.[0];
}

function syntaxProblem(error: YAMLError, counter: LineCounter): ConfigurationProblem {
  const { line, col } = counter.linePos(error.pos[0]);
  return { path: '', line, column: col, message: error.message };
}

function problem(message: string): ConfigurationProblem {
  return { path: '', line: undefined, column: undefined, message };
}
