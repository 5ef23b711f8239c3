/** The text that a provider signs around the body, ready to be filled in. */
export interface SignedTemplate {
  readonly usesId: boolean;
  readonly usesTimestamp: boolean;
  before(id: string, timestamp: string): string;
  after(timestamp: string): string;
  /** The character that ends an id in the template, which an id must not contain; undefined without an id. */
  readonly endOfId: string | undefined;
}

/** The body alone. */
export const bodyOnly: SignedTemplate = Object.freeze({
  usesId: false,
  usesTimestamp: false,
  before: () => '',
  after: () => '',
  endOfId: undefined,
});

const placeholder = /(\{[^{}]*\})/;
const known = ['{id}', '{timestamp}', '{body}'];
const printable = /^[\x20-\x7e]*$/;

/**
 * Compiles a template such as `v0:{timestamp}:{body}`, with `{body}` once, and `{id}` and `{timestamp}` at most once.
 *
 * Two different triples of id, time and body must never give the same bytes, because the signature of one would be valid for the
 * other. Texts and times have fixed lengths, so the body begins and ends where they say. An id has no fixed length: it must come
 * before the body, and ends with the first character after it, which no id may contain.
 *
 * @returns the template, or what is wrong with it
 */
export function compileTemplate(text: string): SignedTemplate | string {
  if (!printable.test(text)) return 'expected printable ASCII';
  const parts = text.split(placeholder).filter((part) => part !== '');
  const odd = parts.find((part) => /[{}]/.test(part) && !known.includes(part));
  if (odd !== undefined) return `${odd} is not a placeholder; the placeholders are ${known.join(', ')}`;
  for (const name of known)
    if (parts.filter((part) => part === name).length > 1) return `${name} is repeated`;
  const body = parts.indexOf('{body}');
  if (body < 0) return '{body} is missing, so the body would not be protected';
  const id = parts.indexOf('{id}');
  if (id > body)
    return '{id} comes after {body}, where the end of the body could be read as the beginning of the id';
  const next = parts[id + 1] as string;
  if (id >= 0 && known.includes(next)) return `between {id} and ${next} there must be a separator`;
  const fillAfter = filler(parts.slice(body + 1));
  return {
    usesId: id >= 0,
    usesTimestamp: parts.includes('{timestamp}'),
    before: filler(parts.slice(0, body)),
    after: (timestamp) => fillAfter('', timestamp),
    endOfId: id >= 0 ? next[0] : undefined,
  };
}

function filler(parts: readonly string[]): (id: string, timestamp: string) => string {
  const fixed = parts.join('');
  if (parts.every((part) => !known.includes(part))) return () => fixed;
  return function fill(id, timestamp) {
    let text = '';
    for (const part of parts) text += part === '{id}' ? id : part === '{timestamp}' ? timestamp : part;
    return text;
  };
}
