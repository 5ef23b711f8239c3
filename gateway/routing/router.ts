import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import type { CanonicalPath } from '../request/path.ts';

/** What a route matches. Hosts are in lower case. A path is exact, or a prefix if it ends in `/*`. No methods means any but TRACE, TRACK and CONNECT. */
export interface Match {
  readonly hosts: readonly string[];
  readonly path: string;
  readonly methods: readonly string[];
}

export interface Entry<Value> {
  readonly match: Match;
  readonly value: Value;
}

/** The result: a route, a route that does not allow the method, or no route. */
export type Found<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  | { readonly kind: 'method'; readonly allow: readonly string[] }
  | undefined;

export interface Router<Value> {
  find(host: string, path: CanonicalPath, method: string): Found<Value>;
}

/** The routes of one path on one host: by method, and the one for any method. */
interface Slot<Value> {
  readonly byMethod: Map<string, Value>;
  any: Value | undefined;
}

interface Table<Value> {
  readonly exact: Map<string, Slot<Value>>;
  /** Keys end in a slash: `/hooks/` for `/hooks/*`. */
  readonly prefix: Map<string, Slot<Value>>;
  /** The lengths of the keys of `prefix`, the longest first. */
  readonly prefixLengths: number[];
}

/**
 * Builds a router in which the most specific match wins: a named host over any host, an exact path over a prefix, a longer
 * prefix over a shorter one, a named method over any method.
 *
 * `/x/*` matches `/x/` and everything below it, but not `/x`.
 *
 * @throws ConfigurationError with the index of the second of two entries that match the same requests
 */
export function createRouter<Value>(entries: readonly Entry<Value>[]): Router<Value> {
  const hosts = new Map<string, Table<Value>>();
  const anyHost: Table<Value> = newTable();
  entries.forEach(function add({ match, value }, index) {
    const names = match.hosts.length === 0 ? [undefined] : match.hosts;
    for (const name of names)
      insert(name === undefined ? anyHost : tableOf(hosts, name), match, value, index, name);
  });
  return {
    find(host, path, method) {
      const allow: string[] = [];
      const named = hosts.get(host);
      const value = (named && search(named, path, method, allow)) ?? search(anyHost, path, method, allow);
      if (value !== undefined) return { kind: 'found', value };
      return allow.length === 0 ? undefined : { kind: 'method', allow: [...new Set(allow)] };
    },
  };
}

/**
 * Methods that match only if a route names them: TRACE, and TRACK of old IIS, return the request with what the gateway added, and
 * CONNECT opens a tunnel.
 */
const mustBeNamed = /^(?:TRACE|TRACK|CONNECT)$/;

/** Listed in Allow for other methods (RFC 9110 section 15.5.6) on a route without methods. */
const usualMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function search<Value>(
  table: Table<Value>,
  path: string,
  method: string,
  allow: string[],
): Value | undefined {
  const exact = table.exact.get(path);
  const found = exact && pick(exact, method, allow);
  if (found !== undefined) return found;
  // Loops over the existing lengths, not over the slashes of the path: the client chooses how many those are.
  for (const length of table.prefixLengths) {
    if (path[length - 1] !== '/') continue;
    const slot = table.prefix.get(path.slice(0, length));
    const below = slot && pick(slot, method, allow);
    if (below !== undefined) return below;
  }
  return undefined;
}

function pick<Value>(slot: Slot<Value>, method: string, allow: string[]): Value | undefined {
  const named = slot.byMethod.get(method);
  if (named !== undefined) return named;
  if (slot.any !== undefined && !mustBeNamed.test(method)) return slot.any;
  allow.push(...slot.byMethod.keys());
  if (slot.any !== undefined) allow.push(...usualMethods);
  return undefined;
}

function insert<Value>(
  table: Table<Value>,
  match: Match,
  value: Value,
  index: number,
  host: string | undefined,
): void {
  const isPrefix = match.path.endsWith('/*');
  const key = isPrefix ? match.path.slice(0, -1) : match.path;
  const slots = isPrefix ? table.prefix : table.exact;
  const slot = slots.get(key) ?? { byMethod: new Map<string, Value>(), any: undefined };
  slots.set(key, slot);
  if (isPrefix && !table.prefixLengths.includes(key.length)) {
    table.prefixLengths.push(key.length);
    table.prefixLengths.sort((a, b) => b - a);
  }
  const where = `${match.path}${host === undefined ? '' : ` on ${host}`}`;
  if (match.methods.length === 0) {
    if (slot.any !== undefined) throw duplicate(index, where);
    slot.any = value;
  }
  for (const method of match.methods) {
    if (slot.byMethod.has(method)) throw duplicate(index, `${method} ${where}`);
    slot.byMethod.set(method, value);
  }
}

function duplicate(index: number, what: string): ConfigurationError {
  return new ConfigurationError(
    `${what} is already matched by another route or by another entry of this one`,
    [index],
  );
}

function tableOf<Value>(hosts: Map<string, Table<Value>>, name: string): Table<Value> {
  const table = hosts.get(name) ?? newTable<Value>();
  hosts.set(name, table);
  return table;
}

function newTable<Value>(): Table<Value> {
  return { exact: new Map(), prefix: new Map(), prefixLengths: [] };
}
