import type { Body, IncomingRequest } from '../gateway/index.ts';
import type { HttpApiEvent } from './payload.ts';
import { requestPath } from './request-path.ts';

/** Makes the gateway's request from an event; `deadlineMs` is when the answer must be there. */
export function incomingRequest(event: HttpApiEvent, body: Body, deadlineMs: number): IncomingRequest {
  const { requestContext, rawQueryString } = event;
  const path = requestPath(event.rawPath, requestContext.stage);
  return {
    method: requestContext.http.method,
    target: rawQueryString === '' ? path : `${path}?${rawQueryString}`,
    headers: headerList(event),
    clientIp: requestContext.http.sourceIp,
    scheme: 'https',
    body,
    id: requestContext.requestId,
    deadlineMs,
    peerCertificate: clientCertificate(event),
  };
}

/** What content-length declares, in bytes; 0 without one: API Gateway adds it to every request that has a body. */
export function declaredBytes({ headers }: HttpApiEvent): number {
  const value = headers['content-length'];
  return value !== undefined && /^[0-9]{1,15}$/.test(value) ? Number(value) : 0;
}

function headerList({ headers, cookies, requestContext }: HttpApiEvent): string[] {
  const list: string[] = [];
  for (const name of Object.keys(headers)) {
    if (cookies.length > 0 && name === 'cookie') continue;
    list.push(name, headers[name] as string);
  }
  if (headers.host === undefined && requestContext.domainName !== undefined)
    list.push('host', requestContext.domainName);
  if (cookies.length > 0) list.push('cookie', cookies.join('; '));
  return list;
}

/** With mutual TLS on a custom domain API Gateway verifies the certificate and gives it as PEM (RFC 7468). */
function clientCertificate({ requestContext }: HttpApiEvent): Uint8Array | undefined {
  const pem = requestContext.authentication?.clientCert.clientCertPem ?? '';
  const base64 = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(pem)?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
