import type { Refusal } from '../gateway/index.ts';

/**
 * The parts of a request that Postern reads, as an HTTP API of API Gateway sends it in payload format 2.0.
 *
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export interface HttpApiEvent {
  readonly version: '2.0';
  /** Percent-decoded, and with a named stage as its first segment: see request-path.ts. */
  readonly rawPath: string;
  /** As the client sent it, without `?`; empty without one. */
  readonly rawQueryString: string;
  readonly cookies: readonly string[];
  /** Names in lower case; the values of a repeated header joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly domainName?: string;
    readonly http: { readonly method: string; readonly sourceIp: string };
    readonly requestId: string;
    readonly stage: string;
    readonly authentication?: { readonly clientCert: { readonly clientCertPem: string } };
  };
  readonly body: Uint8Array;
}

/** The event as the client sent it, or the refusal of the request. */
export type EventOrReply =
  | { readonly event: HttpApiEvent; readonly reply?: never }
  | { readonly reply: Refusal; readonly event?: never };

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
