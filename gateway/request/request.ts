import { onlyHeader } from '../../base/http/headers.ts';
import { normalizeIp } from '../../base/net/address.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';
import type { Body } from './body.ts';
import { type Authority, parseAuthority } from './host.ts';

/** A request from a host: untrusted and unparsed. */
export interface IncomingRequest {
  readonly method: string;
  /** The request target as received: path and query or, with `absoluteForm`, possibly a URL. */
  readonly target: string;
  /** Whether the target may be a URL (RFC 9112 section 3.2.2), which any HTTP server must accept. */
  readonly absoluteForm?: boolean;
  /** Names and values in turn, in the order and case received. */
  readonly headers: readonly string[];
  /** The address of the peer, from the socket or the platform. */
  readonly clientIp: string | undefined;
  readonly scheme: 'http' | 'https';
  readonly body: Body;
  /** The platform's id of the request. Without one the gateway makes one. */
  readonly id?: string;
  /** When the platform stops waiting, in milliseconds since the epoch. */
  readonly deadlineMs?: number;
  readonly peerCertificate?: Uint8Array | undefined;
}

/** What a request asks for: the host that counts, and the target in origin-form. */
export interface Asked {
  readonly host: Authority;
  readonly target: string;
}

/**
 * Reads the Host header and, in absolute-form, the authority of the target, which takes precedence (RFC 9112 section 3.2.2).
 * One request names one host: if both are there and differ, it is refused.
 */
export function readAsked(request: IncomingRequest): Asked | Refusal {
  const host = parseAuthority(onlyHeader(request.headers, 'host') ?? '');
  if (host === undefined) return gatewayRefusals['bad-host']();
  const { target, scheme } = request;
  if (target.startsWith('/') || request.absoluteForm !== true) return { host, target };
  const url = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(target);
  if (url === null) return { host, target };
  const [, given = '', authority = '', rest = ''] = url;
  if (given.toLowerCase() !== scheme)
    return gatewayRefusals['wrong-scheme'](`the target begins with ${JSON.stringify(given.slice(0, 16))}`);
  const asked = parseAuthority(authority);
  if (asked === undefined) return gatewayRefusals['bad-host']('in the request target');
  if (asked.host !== host.host || portOf(asked, scheme) !== portOf(host, scheme))
    return gatewayRefusals['host-mismatch'](
      `the target names ${asked.host}:${portOf(asked, scheme)}, the Host header ${host.host}:${portOf(host, scheme)}`,
    );
  return { host: asked, target: rest.startsWith('/') ? rest : `/${rest}` };
}

function portOf({ port }: Authority, scheme: 'http' | 'https'): string {
  return port ?? (scheme === 'http' ? '80' : '443');
}

/** The client's normalized address. A client without one is refused, because every list and every log line needs it. */
export function clientAddress(text: string | undefined): string | Refusal {
  return (
    normalizeIp(text) ??
    gatewayRefusals['unknown-source'](text === undefined ? undefined : 'it is not an IP address')
  );
}
