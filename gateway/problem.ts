import type { Reply } from './verdict.ts';

/**
 * Renders a reply of the gateway's own: problem details (RFC 9457) for a refusal, its own body for an answer.
 *
 * Members: type, title, status, code, id. The detail stays in the log, under the same id.
 */
export function renderReply(
  reply: Reply,
  id: string,
): { readonly headers: string[]; readonly body: Uint8Array } {
  const headers = ['x-request-id', id, 'cache-control', 'no-store', ...(reply.headers ?? [])];
  // RFC 9110 section 11.6.1 wants a challenge with every 401; what the credential is, the route's plugins know.
  if (reply.status === 401 && !headers.includes('www-authenticate'))
    headers.push('www-authenticate', 'Postern');
  if (reply.body !== undefined) {
    headers.push('content-length', String(reply.body.byteLength));
    return { headers, body: reply.body };
  }
  const { title, status, code } = reply;
  const body = Buffer.from(`${JSON.stringify({ type: 'about:blank', title, status, code, id })}\n`);
  headers.push('content-type', 'application/problem+json', 'content-length', String(body.byteLength));
  return { headers, body };
}
