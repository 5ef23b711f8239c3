import type { Exchange } from './exchange.ts';

/** Meant for one connection only (RFC 9110 section 7.6.1); `expect` is answered by the host, `te` and `trailer` are not carried. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
]);

/** What the gateway itself says of the client: never taken from the client. */
const ownNames: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-request-id',
  'true-client-ip',
  'client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-original-host',
  'host',
  'content-length',
]);
const ownPrefixes = ['x-forwarded-', 'x-postern-', 'x-client-cert', 'x-ssl-client-'];

/**
 * Builds the headers that the target sees: the client's, in order, less those that belong to the connection or to the
 * gateway, and then the gateway's own: x-forwarded-for, -proto and -host, forwarded (RFC 7239), x-request-id.
 *
 * A name is compared with `_` read as `-`, because many servers fold the two together and would take one for the other.
 */
export function upstreamHeaders(exchange: Exchange, host: string): string[] {
  const { head, upstreamHeaders: added } = exchange;
  const named = connectionNames(head.headers);
  const result = ['host', host];
  for (let at = 0; at + 1 < head.headers.length; at += 2) {
    const name = head.headers[at] as string;
    const folded = fold(name);
    if (
      hopByHop.has(folded) ||
      isOwn(folded) ||
      named?.has(folded) ||
      (added !== undefined && has(added, folded))
    )
      continue;
    result.push(name, head.headers[at + 1] as string);
  }
  result.push(
    'x-forwarded-for',
    head.clientIp,
    'x-forwarded-proto',
    head.scheme,
    'x-forwarded-host',
    head.host,
    'forwarded',
    forwarded(head.clientIp, head.scheme, head.host),
    'x-request-id',
    exchange.id,
  );
  if (added !== undefined) result.push(...added);
  return result;
}

/** The answer's headers as the client may see them: without hop-by-hop headers, with the id of the request. */
export function answerHeaders(received: readonly string[], id: string): string[] {
  const named = connectionNames(received);
  const result: string[] = [];
  for (let at = 0; at + 1 < received.length; at += 2) {
    const name = received[at] as string;
    const folded = name.toLowerCase();
    if (hopByHop.has(folded) || folded === 'x-request-id' || named?.has(folded)) continue;
    result.push(name, received[at + 1] as string);
  }
  result.push('x-request-id', id);
  return result;
}

/** The headers that Connection names are hop-by-hop too; undefined when there are none beside the usual words. */
function connectionNames(headers: readonly string[]): Set<string> | undefined {
  let names: Set<string> | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const part of (headers[at + 1] as string).split(',')) {
      const word = fold(part.trim());
      if (word === '' || word === 'keep-alive' || word === 'close') continue;
      names ??= new Set();
      names.add(word);
    }
  }
  return names;
}

function isOwn(folded: string): boolean {
  if (ownNames.has(folded)) return true;
  for (const prefix of ownPrefixes) if (folded.startsWith(prefix)) return true;
  return false;
}

function fold(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

function has(headers: readonly string[], folded: string): boolean {
  for (let at = 0; at < headers.length; at += 2) if (fold(headers[at] as string) === folded) return true;
  return false;
}

/** RFC 7239 section 4; an IPv6 address is bracketed and quoted (section 6). */
function forwarded(ip: string, scheme: string, host: string): string {
  const node = ip.includes(':') ? `"[${ip}]"` : ip;
  return `for=${node};host="${host}";proto=${scheme}`;
}
