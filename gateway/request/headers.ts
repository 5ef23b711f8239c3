import { findHeader, hopByHop, isNamed } from '../../base/http/headers.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';
import type { Exchange } from './exchange.ts';
import { foldName, type IsTakenAway, plainName } from './header-names.ts';

/** A request's headers, as plugins, expressions and the target see them. */
export interface CleanHeaders {
  readonly headers: readonly string[];
  readonly spellings: ReadonlyMap<string, string> | undefined;
  readonly dropped: number;
}

/**
 * Gives each header one name and one value before any decision. Headers whose names have characters other than letters, digits
 * and hyphens are dropped, because many servers read `webhook_id` as `webhook-id`.
 *
 * A header that the route allows is kept under its folded name, `x-tenant` for `x_tenant`, so that decisions read what a folding
 * server reads; `spellings` has the name for the target. If the folded name is there as well, that header counts.
 *
 * Several lines of cookies become one, because CGI and WSGI join them with commas, which belong to a cookie's value.
 *
 * @returns the headers (the same list if nothing changes), or the refusal of a Connection header
 */
export function cleanHeaders(
  headers: readonly string[],
  allowed: ReadonlyMap<string, string>,
): CleanHeaders | Refusal {
  let odd = 0;
  let cookies = 0;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] as string;
    if (!plainName.test(name)) odd += 1;
    else if (isNamed(name, 'connection')) {
      const refused = refuseNomination(headers[at + 1] as string);
      if (refused !== undefined) return refused;
    } else if (isNamed(name, 'cookie')) cookies += 1;
  }
  const single = cookies > 1 ? joinCookies(headers) : headers;
  return odd === 0 ? { headers: single, spellings: undefined, dropped: 0 } : dropOddNames(single, allowed);
}

/** Joined as RFC 9113 section 8.2.3 says, in the place of the first line. */
function joinCookies(headers: readonly string[]): readonly string[] {
  const joined: string[] = [];
  let cookies = findHeader(headers, 'cookie');
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] as string;
    if (!isNamed(name, 'cookie')) joined.push(name, headers[at + 1] as string);
    else if (cookies !== undefined) {
      joined.push(name, cookies);
      cookies = undefined;
    }
  }
  return joined;
}

function dropOddNames(headers: readonly string[], allowed: ReadonlyMap<string, string>): CleanHeaders {
  const plain = new Set<string>();
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] as string;
    if (allowed.size > 0 && plainName.test(name)) plain.add(name.toLowerCase());
  }
  const kept: string[] = [];
  const spellings = new Map<string, string>();
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] as string;
    const value = headers[at + 1] as string;
    if (plainName.test(name)) kept.push(name, value);
    else {
      const folded = foldName(name);
      if (plain.has(folded) || allowed.get(folded) !== name.toLowerCase()) continue;
      spellings.set(folded, name);
      kept.push(folded, value);
    }
  }
  const dropped = (headers.length - kept.length) >> 1;
  return { headers: kept, spellings: spellings.size === 0 ? undefined : spellings, dropped };
}

/** Sent by clients that offer HTTP/2, such as Java's and `curl --http2`, or by old ones. They are always removed. */
const mayBeNominated: ReadonlySet<string> = new Set([
  'close',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'http2-settings',
  'proxy-connection',
  'transfer-encoding',
]);

/** The next proxy removes what Connection names, so it must not name a header that decisions depend on. */
function refuseNomination(value: string): Refusal | undefined {
  for (const part of value.split(',')) {
    const word = part.trim().toLowerCase();
    if (word !== '' && !mayBeNominated.has(word))
      return gatewayRefusals['bad-connection'](`it names ${JSON.stringify(word.slice(0, 64))}`);
  }
  return undefined;
}

/**
 * Builds the headers that the target sees: the client's in order, without those of the connection and of the gateway, then the
 * gateway's own: x-forwarded-for, -proto and -host, forwarded (RFC 7239), x-request-id. The edits of plugins come last.
 */
export function upstreamHeaders(exchange: Exchange, host: string, isTakenAway: IsTakenAway): string[] {
  const { head } = exchange;
  const result = ['host', host];
  for (let at = 0; at + 1 < head.headers.length; at += 2) {
    const name = head.headers[at] as string;
    const lower = name.toLowerCase();
    if (isTakenAway(lower)) continue;
    result.push(head.spellings?.get(lower) ?? name, head.headers[at + 1] as string);
  }
  result.push(
    'x-forwarded-for',
    head.clientIp,
    'x-forwarded-proto',
    head.scheme,
    'x-forwarded-host',
    head.authority,
    'forwarded',
    forwarded(head.clientIp, head.scheme, head.authority),
    'x-request-id',
    exchange.id,
  );
  exchange.editUpstream(result);
  return result;
}

/** The headers of a target's answer for the client, without those of the connection and the id of the request. */
export function endToEnd(received: readonly string[]): string[] {
  const nominated = nominatedBy(received);
  const result: string[] = [];
  for (let at = 0; at + 1 < received.length; at += 2) {
    const name = received[at] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || lower === 'x-request-id' || nominated?.has(lower)) continue;
    result.push(name, received[at + 1] as string);
  }
  return result;
}

/** The headers that an answer's Connection names, which are hop-by-hop too; undefined if it names only the usual ones. */
function nominatedBy(headers: readonly string[]): Set<string> | undefined {
  const connection = findHeader(headers, 'connection');
  if (connection === undefined) return undefined;
  let names: Set<string> | undefined;
  for (const part of connection.split(',')) {
    const word = part.trim().toLowerCase();
    if (word === '' || word === 'keep-alive' || word === 'close') continue;
    names ??= new Set();
    names.add(word);
  }
  return names;
}

/** RFC 7239 section 4; an IPv6 address is bracketed and quoted (section 6). */
function forwarded(ip: string, scheme: string, authority: string): string {
  const node = ip.includes(':') ? `"[${ip}]"` : ip;
  return `for=${node};host="${authority}";proto=${scheme}`;
}
