import type { Document, ErrorCode, LineCounter, Node, Scalar, YAMLMap } from 'yaml';
import { type ConfigurationDocument, invalid, type Place, protoMessage } from './place.ts';

type Yaml = typeof import('yaml');
type Path = readonly (string | number)[];

/** Our messages for the package's errors, because its own quote the text. */
const messages: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALIAS_PROPS: 'an alias has neither an anchor nor a tag',
  BAD_ALIAS: 'an anchor or alias is not well-formed',
  BAD_DIRECTIVE: 'a line that begins with % is not supported; remove it',
  BAD_DQ_ESCAPE:
    'a backslash in double quotes begins an escape that YAML does not know; write \\\\ for a backslash',
  BAD_INDENT: 'the indentation is wrong, or a bracket is not closed',
  BAD_SCALAR_START: 'a string cannot begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a map begins in the middle of a line; put it on its own line, or put a string with a colon in quotes',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key spans several lines; is a colon or a quote missing?',
  MULTIPLE_DOCS: 'the file contains more than one document; remove the line --- or ...',
  NON_STRING_KEY: 'a key must be a string; write it in quotes',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'tags (!) are not supported; remove it',
  UNEXPECTED_TOKEN: 'this is not expected here; are a quote, a comma or a line break missing?',
};
const anything = 'this is not well-formed YAML';
const plainNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/** Parses YAML 1.2 with its core schema, even if a directive asks for another. @throws InvalidConfiguration */
export async function parseYaml(file: string, text: string): Promise<ConfigurationDocument> {
  // Every way to load a CommonJS module has the default export; a bundle does not have the named ones.
  const { default: yaml } = await import('yaml');
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    // The package compares every key of a map with every other; see inspect.
    uniqueKeys: false,
    strict: true,
    stringKeys: true,
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
  });
  const found = [...document.errors, ...document.warnings].map(({ code, pos: [offset] }) => ({
    ...placeAt(counter, offset),
    message: messages[code] ?? anything,
  }));
  const { explicit, version } = document.directives?.yaml ?? { explicit: false, version: '1.2' };
  if (explicit && version !== '1.2') {
    const message = 'other versions of YAML read the same text differently; remove the line %YAML';
    found.push({ ...placeAt(counter, Math.max(text.search(/^%YAML/m), 0)), message });
  }
  const { repeated, ambiguous } = inspect(yaml, document, counter);
  found.push(...repeated);
  if (found.length === 0) found.push(...ambiguous);
  if (found.length > 0) throw invalid(file, ...found.sort((a, b) => a.line - b.line || a.column - b.column));
  return { file, value: plainValue(file, document), locate: (path) => locate(yaml, document, counter, path) };
}

function plainValue(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    throw invalid(file, {
      message: 'an alias does not match an earlier anchor, or the aliases expand to too much',
    });
  }
}

/** What another program would read differently in well-formed YAML. */
interface Findings {
  /** Keys that are in a map twice. */
  readonly repeated: (Place & { message: string })[];
  readonly ambiguous: (Place & { message: string })[];
}

/** Goes through all nodes once, by itself: the package's `visit` copies the path to each of them. */
function inspect(yaml: Yaml, document: Document, counter: LineCounter): Findings {
  const findings: Findings = { repeated: [], ambiguous: [] };
  const at = (node: Node, message: string) => ({ ...placeAt(counter, node.range?.[0] ?? 0), message });

  function inspectNode(node: unknown): void {
    if (!yaml.isNode(node) || yaml.isAlias(node)) return;
    if (node.tag !== undefined) findings.ambiguous.push(at(node, 'tags (!) are not supported; remove it'));
    if (yaml.isScalar(node)) inspectScalar(node);
    else if (yaml.isMap(node)) inspectMap(node);
    else if (yaml.isSeq(node)) node.items.forEach(inspectNode);
  }

  function inspectScalar(node: Scalar): void {
    if (typeof node.value !== 'number' || plainNumber.test(node.source ?? '')) return;
    const message =
      'programs read this number differently; write it in decimal, without leading zeros or exponent';
    findings.ambiguous.push(at(node, message));
  }

  function inspectMap({ items }: YAMLMap): void {
    const seen = new Set<unknown>();
    for (const { key, value } of items) {
      inspectNode(key);
      inspectNode(value);
      if (!yaml.isScalar(key)) continue;
      if (seen.has(key.value)) findings.repeated.push(at(key, 'this key is repeated'));
      seen.add(key.value);
      if (key.value === '__proto__') findings.ambiguous.push(at(key, protoMessage));
      if (key.value === '<<')
        findings.ambiguous.push(at(key, '<< does not merge maps here; write the keys out'));
    }
  }

  inspectNode(document.contents);
  return findings;
}

/** The place of a value, or of the innermost part around it that is in the file. A key is the start of its value. */
function locate(yaml: Yaml, document: Document, counter: LineCounter, path: Path): Place | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = offsetOf(yaml, document, path.slice(0, length));
    if (offset !== undefined) return placeAt(counter, offset);
  }
  return undefined;
}

function offsetOf(yaml: Yaml, document: Document, path: Path): number | undefined {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  if (yaml.isMap(parent)) {
    const last = path.at(-1);
    const pair = parent.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === String(last));
    return pair !== undefined && yaml.isScalar(pair.key) ? pair.key.range?.[0] : undefined;
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  return (node as { range?: [number, number, number] } | null | undefined)?.range?.[0];
}

function placeAt(counter: LineCounter, offset: number): Place {
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
}
