import { JsonProblem, readJson } from './json.ts';
import { type ConfigurationDocument, invalid, type Place, protoMessage } from './place.ts';

/** The text of a configuration and the name of its file, for messages. A name that ends in `.json` is read as JSON. */
export interface ConfigurationSource {
  readonly file: string;
  readonly text: string;
}

const maxCharacters = 1024 * 1024;
/**
 * What an editor shows as nothing, or as another order or line than a parser sees: control characters, a carriage return alone,
 * line separators, marks of byte order, and what turns the direction of writing (https://trojansource.codes). And the character
 * that stands for bytes that are not UTF-8.
 */
const unseen =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffd]|\r(?!\n)/;

/**
 * Parses YAML 1.2 or JSON. What could be read in two ways is an error: a key that is there twice, another version of YAML, tags,
 * keys that are not texts, numbers that are not plain.
 *
 * @throws InvalidConfiguration with the place of each error; no message quotes the text, which may hold a secret
 */
export async function parseDocument({ file, text }: ConfigurationSource): Promise<ConfigurationDocument> {
  if (text.length > maxCharacters)
    throw invalid(file, { message: `it has ${text.length} characters; the limit is ${maxCharacters}` });
  // A mark of byte order at the start is common, and says nothing.
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  const odd = unseen.exec(body);
  if (odd !== null) {
    const code = (odd[0].codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
    const message = `the character U+${code} cannot be seen or is not text; remove it, or write it as an escape in double quotes`;
    throw invalid(file, { ...placeOf(body, odd.index), message });
  }
  if (!file.endsWith('.json')) {
    const { parseYaml } = await import('./yaml.ts');
    return parseYaml(file, body);
  }
  return parseJson(file, body);
}

/** The way of a bundled function, which needs no package for it. */
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
      message: `this is not JSON as it can be used: ${error.message}`,
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
