/**
 * What an HTTP API of API Gateway sends to a function, in payload format 2.0; fields that Postern does not read are left out.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export interface HttpApiEvent {
  readonly version: '2.0';
  /** Percent-decoded, and with a named stage as its first segment: see request-path.ts. */
  readonly rawPath: string;
  /** As the client sent it, without `?`; empty also when there was none. */
  readonly rawQueryString: string;
  readonly cookies?: readonly string[] | null;
  /** Names in lower case; the values of a repeated header joined by commas. */
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly requestContext: {
    readonly domainName?: string;
    readonly http: { readonly method: string; readonly sourceIp: string };
    readonly requestId: string;
    readonly stage: string;
    readonly authentication?: { readonly clientCert?: { readonly clientCertPem?: string } | null } | null;
  };
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

/** What the function gives back. */
export interface HttpApiAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** One set-cookie header each. */
  readonly cookies?: readonly string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** The part of Lambda's context that is used. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

/**
 * Takes an event for one of an HTTP API in payload format 2.0.
 *
 * A function URL sends the same format but does not decode the path and has no authorizer in front: refused, like all
 * that is not known, so that nothing is taken for what it is not.
 *
 * @throws Error that says what came and what to set
 */
export function readEvent(event: unknown): HttpApiEvent {
  const { version, rawPath, rawQueryString, requestContext } = (event ?? {}) as Partial<HttpApiEvent>;
  if (version !== '2.0' || typeof rawPath !== 'string' || typeof rawQueryString !== 'string') {
    throw new Error(
      `the event is none of an HTTP API in payload format 2.0 (version is ${JSON.stringify(version)}); ` +
        "set the integration's and the authorizer's payloadFormatVersion to 2.0",
    );
  }
  const { http, requestId, stage, domainName } = requestContext ?? {};
  if (typeof http?.method !== 'string' || typeof requestId !== 'string' || typeof stage !== 'string')
    throw new Error('the event has no requestContext of an HTTP API; WebSocket APIs are not served');
  if (domainName !== undefined && /\.lambda-url\.[^.]+\.on\.aws$/.test(domainName)) {
    throw new Error(
      'the event comes from a function URL, which no authorizer guards; call the function through an HTTP API',
    );
  }
  return event as HttpApiEvent;
}
