/** The answer that an HTTP API gives to the client. */
export interface HttpApiAnswer {
  /** The message of one that the gateway gave itself. */
  readonly error?: string;
  readonly status: number;
  /** Names and values, flat. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

// The gateway makes these itself, from the body and for its own connection.
const ownHeaders = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'date',
  'upgrade',
  'te',
]);

/** An answer of the gateway itself: `{"message": …}`, as for every error of an HTTP API. */
export function gatewayAnswer(status: number, message: string): HttpApiAnswer {
  return {
    error: message,
    status,
    headers: ['content-type', 'application/json'],
    body: Buffer.from(JSON.stringify({ message })),
  };
}

/**
 * Makes the answer from what a function returned, in payload format 2.0.
 *
 * Valid JSON without a `statusCode` is the body of a 200 of type application/json; with one, `headers`, `cookies` (each
 * a set-cookie), `body` and `isBase64Encoded` count. Anything else is a 500. Without a content-type the answer is
 * text/plain. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
 * "Lambda function response for format 2.0"; the type: github.com/aws/aws-lambda-dotnet/pull/1903.
 */
export function makeAnswer(payload: string): HttpApiAnswer {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return internalError;
  }
  if (typeof value !== 'object' || value === null || !('statusCode' in value)) {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    return { status: 200, headers: ['content-type', 'application/json'], body: Buffer.from(body) };
  }
  const {
    statusCode,
    headers = {},
    cookies = [],
    body = '',
    isBase64Encoded = false,
  } = value as LambdaAnswer;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599) return internalError;
  if (body !== null && typeof body !== 'string') return internalError;
  const flat: string[] = [];
  for (const [name, one] of Object.entries(headers ?? {})) {
    if (!ownHeaders.has(name.toLowerCase())) flat.push(name, String(one));
  }
  if (!flat.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-type')) {
    flat.push('content-type', 'text/plain;charset=UTF-8');
  }
  for (const cookie of cookies ?? []) flat.push('set-cookie', cookie);
  return { status, headers: flat, body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8') };
}

/** What a client gets when a function failed or returned something that is not an answer. */
export const internalError = gatewayAnswer(500, 'Internal Server Error');

interface LambdaAnswer {
  readonly statusCode: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
  readonly cookies?: readonly string[] | null;
  readonly body?: unknown;
  readonly isBase64Encoded?: boolean;
}
