import type { Steps } from '../../expression/context.ts';
import { EvaluationError } from '../../expression/errors.ts';
import type { Exchange } from '../exchange.ts';

const maxPairs = 1_000;
/** The most that decoding a character costs. */
const characterSteps = 8;
const brokenEncoding = /%(?![0-9A-Fa-f]{2})/;

type Query = ReadonlyMap<string, readonly string[]>;

/** By exchange: the query, or why it is unknown. Read once, however often an expression uses it. */
const queries = new WeakMap<Exchange, Query | string>();

/**
 * A query as a map from name to values, as the URL standard reads it (section 5.1, application/x-www-form-urlencoded).
 *
 * @throws EvaluationError if targets may read it differently: a `;`, at which some split, a broken encoding, bytes that are not
 * UTF-8, a NUL, or too many pairs
 */
export function queryMap(exchange: Exchange, steps: Steps): Query {
  let known = queries.get(exchange);
  if (known === undefined) {
    const { query = '' } = exchange.head;
    steps.spend(query.length * characterSteps);
    known = readQuery(query);
    queries.set(exchange, known);
  }
  if (typeof known === 'string') throw new EvaluationError(`request.query is not known: ${known}`);
  return known;
}

function readQuery(query: string): Query | string {
  let pairs = 1;
  for (let at = query.indexOf('&'); at >= 0; at = query.indexOf('&', at + 1)) pairs += 1;
  if (pairs > maxPairs) return `it has more than ${maxPairs} pairs`;
  if (query.includes(';')) return 'it has a ;, at which some programs split it';
  if (brokenEncoding.test(query)) return 'it has a % without two hex digits';
  if (query.includes('%00')) return 'it has an encoded NUL, at which some programs end a string';
  const map = new Map<string, string[]>();
  // The parser removes one leading question mark, which is part of the first name here.
  for (const [name, value] of new URLSearchParams(`?${query}`)) {
    if (name.includes('\ufffd') || value.includes('\ufffd')) return 'it is not UTF-8';
    const values = map.get(name);
    if (values === undefined) map.set(name, [value]);
    else values.push(value);
  }
  return map;
}
