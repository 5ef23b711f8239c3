import type { HostName } from './case.ts';

/** What a host does to every message, and why: the rest of the table is exact. */
export interface HostRules {
  /** The scheme that the target is told. */
  readonly scheme: 'http' | 'https';
  /** Headers that the host adds to what the target sees. */
  readonly addedToRequest: readonly string[];
  /** Headers of the answer that are the host's own affair: framing, and what it adds. */
  readonly ownInAnswer: readonly string[];
  /** What of the client's header list the target sees. */
  readonly request: (headers: readonly string[]) => string[];
  /** What of the target's header list the client gets. */
  readonly answer: (headers: readonly string[]) => string[];
}

export const payloadPage =
  'https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html';

export const hosts: Readonly<Record<HostName, HostRules>> = {
  server: {
    scheme: 'http',
    addedToRequest: [],
    ownInAnswer: ['connection', 'keep-alive', 'transfer-encoding'],
    request: (headers) => [...headers],
    answer: (headers) => [...headers],
  },
  lambda: {
    scheme: 'https',
    // API Gateway traces every request.
    addedToRequest: ['x-amzn-trace-id'],
    // It frames and dates its answers itself, and adds an id.
    ownInAnswer: [
      'connection',
      'keep-alive',
      'transfer-encoding',
      'content-length',
      'date',
      'apigw-requestid',
    ],
    // Names in lower case, a repeated header's values joined by commas, cookies apart, so that the order is lost: payloadPage.
    request: (headers) => sorted(fold(headers, ',', '; ')),
    answer: (headers) => sorted(fold(typed(headers), ', ')),
  },
};

/** Without a content-type an HTTP API answers with this one: payloadPage, "Lambda function response for format 2.0". */
function typed(headers: readonly string[]): readonly string[] {
  const has = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type');
  return has ? headers : [...headers, 'content-type', 'text/plain;charset=UTF-8'];
}

function fold(headers: readonly string[], separator: string, cookieSeparator?: string): string[] {
  const folded = new Map<string, string>();
  const apart: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    const value = headers[at + 1] as string;
    if (name === 'set-cookie') apart.push(name, value);
    else {
      const before = folded.get(name);
      const between = name === 'cookie' && cookieSeparator !== undefined ? cookieSeparator : separator;
      folded.set(name, before === undefined ? value : `${before}${between}${value}`);
    }
  }
  return [...[...folded].flat(), ...apart];
}

/** By name; the values of one name keep their order. */
export function sorted(headers: readonly string[]): string[] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2)
    pairs.push([headers[at] as string, headers[at + 1] as string]);
  return pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).flat();
}
