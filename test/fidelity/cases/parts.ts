import { utf8 } from '../bytes.ts';
import type { WireAnswer } from '../case.ts';

export const pathSource =
  'live captures in https://github.com/hotsock/voker, vokerhttp/testdata/ingress-paths.json; no AWS page says it';
export const limitsPage = 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html';
export const megabyte = 1024 * 1024;
export const unusual = { unproven: { lambda: 'no AWS page says which unregistered methods $default takes' } };
export const dated = ['Date', 'Tue, 01 Jul 2025 10:00:00 GMT'];
export const plain: WireAnswer = withBody(200, ['Content-Type', 'text/plain'], utf8('ok'));
export const octets = ['Content-Type', 'application/octet-stream'];

/** An answer with its date and the length of its body. */
export function withBody(status: number, headers: readonly string[], body: Uint8Array): WireAnswer {
  return { status, headers: [...headers, ...dated, 'Content-Length', String(body.byteLength)], body };
}
