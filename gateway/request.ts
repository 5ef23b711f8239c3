import { isIP } from 'node:net';
import type { Body } from './body.ts';
import { normalizeIp } from './cidr.ts';
import { headerValue } from './exchange.ts';

/** A request as a host hands it to the gateway: untrusted, unparsed. */
export interface IncomingRequest {
  readonly method: string;
  /** The request target as received: path and query. */
  readonly target: string;
  /** Names and values, flat, in the order and case received. */
  readonly headers: readonly string[];
  /** The address of the peer, from the socket or the platform. */
  readonly clientIp: string | undefined;
  readonly scheme: 'http' | 'https';
  readonly body: Body;
  /** The platform's own id of the request, when it gives one; otherwise the gateway makes one. */
  readonly id?: string;
  /** When the platform stops waiting, in milliseconds since the epoch. */
  readonly deadlineMs?: number;
  readonly peerCertificate?: Uint8Array | undefined;
}

const hostPattern = /^[a-z0-9_]([a-z0-9_.-]{0,252})$/;

/**
 * The name a client asked for, from the Host header (RFC 9112 section 3.2): lower case, without port and final dot.
 *
 * Undefined when the header is missing, repeated or malformed.
 */
export function requestHost(headers: readonly string[]): string | undefined {
  const value = headerValue(headers, 'host')?.toLowerCase();
  if (value === undefined) return undefined;
  const match = /^(\[[0-9a-f:.]+\]|[^:]*)(?::[0-9]{1,5})?$/.exec(value);
  const name = match?.[1] ?? '';
  if (name.startsWith('[')) return isIP(name.slice(1, -1)) === 6 ? name : undefined;
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  return hostPattern.test(bare) ? bare : undefined;
}

/** The client's address in the form that is matched; `unknown` lies in no range and is refused by every list. */
export function clientAddress(text: string | undefined): string {
  return normalizeIp(text) ?? 'unknown';
}
