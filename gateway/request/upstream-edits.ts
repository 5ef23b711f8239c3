import { checkField, checkValue } from '../../base/http/field.ts';
import { hopByHop } from '../../base/http/headers.ts';
import { foldName } from './header-names.ts';

/** With `x-forwarded-*`: the gateway writes them itself, or they frame the request. undici refuses to send `expect`. */
const gatewaysOwn: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'expect',
  'forwarded',
  'x-request-id',
]);

/** A header that plugins may change for the target, in any spelling. Made when a configuration is loaded. */
export interface EditableHeader {
  /** As the target gets it. */
  readonly name: string;
  readonly folded: string;
}

/**
 * Names a header that a plugin changes, in any case.
 *
 * @throws Error for a malformed name, for headers of the connection (hop-by-hop), and for headers that the gateway writes (`host`,
 * `content-length`, `expect`, `forwarded`, `x-forwarded-*`, `x-request-id`)
 */
export function editableHeader(name: string): EditableHeader {
  checkField(name, '');
  const why = whyNoEdit(name);
  if (why !== undefined) throw new Error(`a plugin may not change the header ${name} for the target: ${why}`);
  return { name, folded: foldName(name) };
}

/** Why no plugin may change a header, in any spelling, for the target; undefined when one may. */
export function whyNoEdit(name: string): string | undefined {
  const folded = foldName(name);
  if (hopByHop.has(folded)) return 'it belongs to the connection';
  if (gatewaysOwn.has(folded) || folded.startsWith('x-forwarded-')) return 'the gateway writes it';
  return undefined;
}

interface Edit {
  readonly header: EditableHeader;
  /** Undefined removes the header. */
  readonly value: string | undefined;
  /** Whether earlier headers of this name are kept. */
  readonly adds: boolean;
}

/**
 * Changes that plugins make to the headers that the target sees, in order. The client's own headers, which expressions read, do
 * not change.
 *
 * A header covers all spellings that a CGI, WSGI or PHP server reads as the same name: setting `x-team` replaces `X_Team` too.
 *
 * `set` and `add` throw an Error that names the header, never its value, for a malformed value.
 */
export class UpstreamEdits {
  readonly #edits: Edit[] = [];

  /** Replaces all headers of this name, from the client or from earlier edits, by one. */
  set(header: EditableHeader, value: string): void {
    checkValue(header.name, value);
    this.#edits.push({ header, value, adds: false });
  }

  /** Adds a header after those of the same name, including the client's. For a header that only the gateway may set, use `set`. */
  add(header: EditableHeader, value: string): void {
    checkValue(header.name, value);
    this.#edits.push({ header, value, adds: true });
  }

  remove(header: EditableHeader): void {
    this.#edits.push({ header, value: undefined, adds: false });
  }

  /** Applies the edits to a flat list, once for each attempt to send the request. */
  apply(headers: string[]): void {
    for (const { header, value, adds } of this.#edits) {
      if (!adds) removeSpellings(headers, header.folded);
      if (value !== undefined) headers.push(header.name, value);
    }
  }
}

/** Folding keeps the length of a name. */
function removeSpellings(headers: string[], folded: string): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at] as string;
    if (name.length === folded.length && foldName(name) === folded) headers.splice(at, 2);
  }
}
