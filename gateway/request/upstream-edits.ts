import { checkField } from '../../base/http/field.ts';
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

interface Edit {
  readonly name: string;
  readonly folded: string;
  /** Undefined removes the header. */
  readonly value: string | undefined;
  /** Whether earlier headers of this name are kept. */
  readonly adds: boolean;
}

/**
 * Changes that plugins make to the headers that the target sees, in order. The client's own headers, which expressions read, do
 * not change.
 *
 * A name is in any case. It covers all spellings that a CGI, WSGI or PHP server reads as the same name: `set('x-team', …)` replaces
 * `X_Team` too.
 *
 * Each method throws an Error that names the header, never its value: for a malformed name or value, for headers of the
 * connection (hop-by-hop), and for headers that the gateway writes (`host`, `content-length`, `expect`, `forwarded`,
 * `x-forwarded-*`, `x-request-id`).
 */
export class UpstreamEdits {
  readonly #edits: Edit[] = [];

  /** Replaces all headers of this name, from the client or from earlier edits, by one. */
  set(name: string, value: string): void {
    this.#edits.push({ name, folded: editable(name, value), value, adds: false });
  }

  /** Adds a header after those of the same name, including the client's. For a header that only the gateway may set, use `set`. */
  add(name: string, value: string): void {
    this.#edits.push({ name, folded: editable(name, value), value, adds: true });
  }

  remove(name: string): void {
    this.#edits.push({ name, folded: editable(name, ''), value: undefined, adds: false });
  }

  /** Applies the edits to a flat list, once for each attempt to send the request. */
  apply(headers: string[]): void {
    for (const { name, folded, value, adds } of this.#edits) {
      if (!adds) removeSpellings(headers, folded);
      if (value !== undefined) headers.push(name, value);
    }
  }
}

/** The folded name, after a check of the name and the value. */
function editable(name: string, value: string): string {
  checkField(name, value);
  const folded = foldName(name);
  const why = whyFixed(folded);
  if (why !== undefined) throw new Error(`a plugin may not change the header ${name} for the target: ${why}`);
  return folded;
}

/** Why no plugin may change a header, in any spelling, for the target; undefined when one may. */
export function whyNoEdit(name: string): string | undefined {
  return whyFixed(foldName(name));
}

function whyFixed(folded: string): string | undefined {
  if (hopByHop.has(folded)) return 'it belongs to the connection';
  if (gatewaysOwn.has(folded) || folded.startsWith('x-forwarded-')) return 'the gateway writes it';
  return undefined;
}

/** Folding keeps the length of a name. */
function removeSpellings(headers: string[], folded: string): void {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at] as string;
    if (name.length === folded.length && foldName(name) === folded) headers.splice(at, 2);
  }
}
