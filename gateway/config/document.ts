import { JsonProblem, readJson } from './json.ts';
import { type ConfigurationDocument, invalid, type Place, protoMessage } from './place.ts';

/** The text of a configuration and the name of its file, for messages. A name that ends in `.json` is read as JSON. */
export interface ConfigurationSource {
  readonly file: string;
  readonly text: string;
}

const maxCharacters = 1024 * 1024;
/**
 * Characters that an editor hides, or shows in another order or on another line than a parser: control characters, a carriage return
 * without a newline, line separators, byte order marks, and characters that change the direction of writing
 * (https://trojansource.codes). Also the character that replaces bytes that are not UTF-8.
 */
const unseen =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffd]|\r(?!\n)/;

/**
 * Parses YAML 1.2 or JSON. Anything ambiguous is an error: repeated keys, another version of YAML, tags, keys that are not strings,
 * numbers in unusual notation.
 *
 * @throws InvalidConfiguration with the place of each error; messages never quote the text, which may contain a secret
 */
export async function parseDocument({ file, text }: ConfigurationSource): Promise<ConfigurationDocument> {
  if (text.length > maxCharacters)
    throw invalid(file, { message: `it has ${text.length} characters; the limit is ${maxCharacters}` });
  // A byte order mark at the start is common and harmless.
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  const odd = unseen.exec(body);
  if (odd !== null) {
    const code = (odd[0].codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
    const message = `the character U+${code} is invisible or not text; remove it, or write it as an escape in double quotes`;
    throw invalid(file, { ...placeOf(body, odd.index), message });
  }
  if (!file.endsWith('.json')) {
    const { parseYaml } = await import('./yaml.ts');
    return parseYaml(file, body);
  }
  return parseJson(file, body);
}

/** Used by bundled functions, so that they need no YAML package. */
function parseJson(file: string, text: string): ConfigurationDocument {
  try {
    const json = readJson(text);
    refuseProto(json.value, (container) => {
      const offset = json.offsetOf(container, '__proto__') ?? 0;
      throw new JsonProblem(protoMessage, offset);
    });
    const locate = (path: readonly (string | number)[]): Place => {
      let offset = text.search(/\S/);
      let value = json.value;
      for (const key of path) {
        offset = json.offsetOf(value, key) ?? offset;
        value =
          typeof value === 'object' && value !== null && Object.hasOwn(value, key)
            ? value[key as never]
            : undefined;
      }
      return placeOf(text, Math.max(offset, 0));
    };
    return { file, value: json.value, locate };
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw invalid(file, {
      ...placeOf(text, error.offset),
      message: `this is not valid JSON: ${error.message}`,
    });
  }
}

function refuseProto(value: unknown, refuse: (container: object) => never): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) refuse(value);
  for (const inner of Object.values(value)) refuseProto(inner, refuse);
}

function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - start + 1 };
}
