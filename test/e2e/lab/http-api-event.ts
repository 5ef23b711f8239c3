import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * The event that an HTTP API sends to a function, payload format 2.0.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export interface HttpApiEvent {
  readonly version: '2.0';
  readonly routeKey: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly requestContext: RequestContext;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

export interface RequestContext {
  readonly accountId: string;
  readonly apiId: string;
  readonly domainName: string;
  readonly domainPrefix: string;
  readonly http: {
    readonly method: string;
    readonly path: string;
    readonly protocol: string;
    readonly sourceIp: string;
    readonly userAgent: string;
  };
  readonly requestId: string;
  readonly routeKey: string;
  readonly stage: string;
  readonly time: string;
  readonly timeEpoch: number;
  readonly authorizer?: { readonly lambda: unknown };
}

/** What the event needs beside the request itself. */
export interface EventContext {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
  readonly stage: string;
  readonly sourceIp: string;
  readonly nowMs: number;
}

export const accountId = '123456789012';
export const apiId = 'lab0123456';

/** Makes the event of a request whose body is read whole. */
export function makeEvent(request: IncomingMessage, body: Buffer, context: EventContext): HttpApiEvent {
  const { rawPath, rawQueryString } = context;
  const { headers, cookies } = foldHeaders(request.rawHeaders, body.length, context);
  const queryStringParameters = foldQuery(rawQueryString);
  const isBase64Encoded = body.length > 0 && !isText(headers['content-type']);
  const host = headers.host ?? '';
  return {
    version: '2.0',
    routeKey: context.routeKey,
    rawPath,
    rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(queryStringParameters !== undefined && { queryStringParameters }),
    requestContext: {
      accountId,
      apiId,
      domainName: host,
      domainPrefix: host.split('.')[0] ?? '',
      http: {
        method: request.method ?? '',
        path: rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: context.sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomBytes(11).toString('base64url'),
      routeKey: context.routeKey,
      stage: context.stage,
      time: commonLogTime(new Date(context.nowMs)),
      timeEpoch: context.nowMs,
    },
    ...(context.pathParameters !== undefined && { pathParameters: context.pathParameters }),
    ...(body.length > 0 && { body: body.toString(isBase64Encoded ? 'base64' : 'utf8') }),
    isBase64Encoded,
  };
}

/**
 * The path and the query of a request target, or undefined for a path that the gateway refuses with 400.
 *
 * An HTTP API decodes the path twice, encoded slashes too: in between it cuts it at a question mark and refuses a percent
 * sign that begins no escape. The query stays as it was sent. The documentation is silent; captured from live APIs by
 * others: github.com/hotsock/voker, vokerhttp/testdata/ingress-paths.json.
 */
export function splitTarget(
  target: string,
): { readonly rawPath: string; readonly rawQueryString: string } | undefined {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const once = decodePercent(path)?.split('?')[0];
  const rawPath = once === undefined ? undefined : decodePercent(once);
  if (rawPath === undefined) return undefined;
  return { rawPath, rawQueryString: mark < 0 ? '' : target.slice(mark + 1) };
}

/** Percent-decodes; bytes that are not UTF-8 become U+FFFD. Undefined when a percent sign begins no escape. */
function decodePercent(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

// What belongs to the client's connection and not to the request (RFC 9110 section 7.6.1).
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
]);

/**
 * Lower-case names; a repeated header's values joined by commas; cookies apart, each pair an entry.
 *
 * The forwarding headers are the gateway's: the client's address is added to `x-forwarded-for`, port and protocol are
 * replaced. `content-length` is always there (the captured events in github.com/floci-io/floci/issues/2172 and
 * github.com/logandk/serverless-wsgi/issues/191).
 *
 * Not done here: api-gateway-known-issues.html says that an HTTP API adds a content-type to requests without a body and turns
 * `x-forwarded-*` into `forwarded`; it names no value, and neither is in the captured events of Lambda integrations.
 */
function foldHeaders(
  rawHeaders: readonly string[],
  bodyBytes: number,
  context: EventContext,
): { readonly headers: Record<string, string>; readonly cookies: readonly string[] } {
  // No plain object: a client may call its header `constructor`.
  const folded = new Map<string, string>();
  const cookies: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    const value = rawHeaders[at + 1] as string;
    if (hopByHop.has(name)) continue;
    if (name === 'cookie') cookies.push(...value.split(/; */));
    else folded.set(name, folded.has(name) ? `${folded.get(name)},${value}` : value);
  }
  const headers = Object.fromEntries(folded);
  const sent = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = sent === undefined ? context.sourceIp : `${sent}, ${context.sourceIp}`;
  headers['x-forwarded-port'] = '443';
  headers['x-forwarded-proto'] = 'https';
  headers['content-length'] = String(bodyBytes);
  headers['x-amzn-trace-id'] ??=
    `Root=1-${seconds(context.nowMs)}-${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  return { headers, cookies };
}

/** Decoded values; those of a repeated name joined by commas. */
function foldQuery(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined;
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    parameters.set(name, parameters.has(name) ? `${parameters.get(name)},${value}` : value);
  }
  return Object.fromEntries(parameters);
}

/**
 * Whether a body of this type goes into the event as text; any other is base64, one without a type too.
 *
 * The documentation says "binary" and names no types; this list was measured: github.com/ministackorg/ministack/pull/766.
 */
function isText(contentType: string | undefined): boolean {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type.startsWith('text/') || /^application\/(json|xml|javascript)$/.test(type);
}

function seconds(ms: number): string {
  return Math.floor(ms / 1_000).toString(16);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `12/Mar/2020:19:03:58 +0000`, as in the page's example. */
function commonLogTime(date: Date): string {
  const [day, time] = date.toISOString().slice(0, 19).split('T') as [string, string];
  const [year, month, dayOfMonth] = day.split('-') as [string, string, string];
  return `${dayOfMonth}/${months[Number(month) - 1]}/${year}:${time} +0000`;
}
