/** What a provider signs around the body, ready to be filled in. */
export interface SignedTemplate {
  readonly usesId: boolean;
  readonly usesTimestamp: boolean;
  before(id: string, timestamp: string): string;
  after(id: string, timestamp: string): string;
  /** Text that an id must not contain, because it is what ends the id in the template; undefined without an id. */
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
 * Compiles a template such as `v0:{timestamp}:{body}`, in which `{body}` stands once and `{id}` and `{timestamp}` at most once.
 *
 * After `{id}` there must be a text that ends it. Without one, a sender's id and what follows could be cut elsewhere and
 * would have the same signature.
 *
 * @returns the template, or what is wrong with it
 */
export function compileTemplate(text: string): SignedTemplate | string {
  if (!printable.test(text)) return 'expected printable ASCII';
  const parts = text.split(placeholder).filter((part) => part !== '');
  const odd = parts.find((part) => /[{}]/.test(part) && !known.includes(part));
  if (odd !== undefined) return `${odd} is no placeholder; there are ${known.join(', ')}`;
  for (const name of known)
    if (parts.filter((part) => part === name).length > 1) return `${name} is there more than once`;
  const body = parts.indexOf('{body}');
  if (body < 0) return 'there is no {body}, so nothing would protect it';
  const id = parts.indexOf('{id}');
  const next = parts[id + 1];
  if (id >= 0 && next !== undefined && known.includes(next))
    return `between {id} and ${next} there must be a separator`;
  return {
    usesId: id >= 0,
    usesTimestamp: parts.includes('{timestamp}'),
    before: filler(parts.slice(0, body)),
    after: filler(parts.slice(body + 1)),
    endOfId: id >= 0 ? next : undefined,
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
