import { isIP } from 'node:net';
import { normalizeIp } from '../../base/net/address.ts';

/** A normalized host, with the port that the client named. */
export interface Authority {
  /** Lower case, without final dot; an IPv6 address in brackets. */
  readonly host: string;
  /** Decimal digits without leading zeros; undefined if no port was named. */
  readonly port: string | undefined;
  /** The host, with the port if one was named. */
  readonly text: string;
}

const authority = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]*))?$/i;
const labels = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
/** A last label that resolvers and URL parsers read as a number (the URL standard, section 3.5). */
const numeric = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Reads a host and a port as in the Host header (RFC 9110 section 7.2) and normalizes them: lower case, no final dot, one
 * spelling of an address, a port without leading zeros.
 *
 * Undefined if it is malformed or if programs read it differently: empty labels, IPv4 addresses that are not four decimal
 * numbers, ports beyond 65535, userinfo.
 */
export function parseAuthority(value: string): Authority | undefined {
  // Matched before it is in lower case: the Kelvin sign would become a k.
  const match = authority.exec(value);
  if (match === null) return undefined;
  const [, name = '', digits = ''] = match;
  const host = canonicalHost(name.toLowerCase());
  if (host === undefined) return undefined;
  if (digits === '') return { host, port: undefined, text: host };
  const port = digits.replace(/^0+/, '');
  if (port === '' || port.length > 5 || Number(port) > 65_535) return undefined;
  return { host, port, text: `${host}:${port}` };
}

/** The normalized form of a host without port; `name` is in lower case. Undefined if no request can ask for it. */
export function canonicalHost(name: string): string | undefined {
  if (name.startsWith('[')) {
    const ip = normalizeIp(name.slice(1, -1));
    if (ip === undefined || !name.includes(':')) return undefined;
    return ip.includes(':') ? `[${ip}]` : ip;
  }
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  if (bare.length > 253 || !labels.test(bare)) return undefined;
  return numeric.test(bare) && isIP(bare) !== 4 ? undefined : bare;
}
