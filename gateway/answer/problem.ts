import { hasHeader } from '../../base/http/headers.ts';
import { isBodyless, type Reply } from './verdict.ts';

const noBytes = new Uint8Array(0);

/**
 * Renders a reply of the gateway itself: a refusal as problem details (RFC 9457), an answer as the plugin made it.
 *
 * Members: type, title, status, code, id. The detail is only in the log, under the same id.
 */
export function renderReply(
  reply: Reply,
  id: string,
): { readonly headers: string[]; readonly body: Uint8Array } {
  const headers = ['x-request-id', id, ...(reply.headers ?? [])];
  if (!hasHeader(headers, 'cache-control')) headers.push('cache-control', 'no-store');
  if (reply.kind === 'answer') {
    const { status, body = noBytes } = reply;
    if (!isBodyless(status)) headers.push('content-length', String(body.byteLength));
    return { headers, body };
  }
  // RFC 9110 section 11.6.1 requires a challenge with every 401. A plugin that knows its scheme gives its own.
  if (reply.status === 401 && !hasHeader(headers, 'www-authenticate'))
    headers.push('www-authenticate', 'Postern');
  const { title, status, code } = reply;
  const body = Buffer.from(`${JSON.stringify({ type: 'about:blank', title, status, code, id })}\n`);
  headers.push('content-type', 'application/problem+json', 'content-length', String(body.byteLength));
  return { headers, body };
}
