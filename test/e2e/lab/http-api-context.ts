import type { HttpApiEvent } from './http-api-event.ts';

/** What is known of a request by the time that it is answered; what did not happen is undefined. */
export interface LoggedRequest {
  readonly event: HttpApiEvent;
  readonly authorizer?:
    | { readonly kind: string; readonly context?: unknown; readonly error?: string }
    | undefined;
  readonly integration?: Integration | undefined;
  readonly status?: number;
  /** The message of an answer that the gateway gave itself. */
  readonly error?: string | undefined;
  readonly responseBytes?: number;
  readonly responseMs?: number;
}

/** How a function was called. */
export interface Integration {
  readonly ms: number;
  /** What Lambda answered. */
  readonly status: number | undefined;
  /** What the function answered. */
  readonly functionStatus: number | undefined;
  readonly error: string | undefined;
}

type Value = string | number | boolean | undefined;

/**
 * The variables that an HTTP API has for a route with a Lambda integration and a Lambda authorizer; those of other integrations and
 * authorizers are left out. `authorizer.NAME` is the authorizer's own.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
 */
const variables: Readonly<Record<string, (logged: LoggedRequest) => Value>> = {
  accountId: ({ event }) => event.requestContext.accountId,
  apiId: ({ event }) => event.requestContext.apiId,
  'authorizer.error': ({ authorizer }) => authorizer?.error,
  domainName: ({ event }) => event.requestContext.domainName,
  domainPrefix: ({ event }) => event.requestContext.domainPrefix,
  'error.message': ({ error }) => error,
  'error.messageString': ({ error }) => (error === undefined ? undefined : JSON.stringify(error)),
  httpMethod: ({ event }) => event.requestContext.http.method,
  'identity.sourceIp': ({ event }) => event.requestContext.http.sourceIp,
  'identity.userAgent': ({ event }) => event.requestContext.http.userAgent,
  'integration.error': ({ integration }) => integration?.error,
  'integration.integrationStatus': ({ integration }) => integration?.status,
  'integration.latency': ({ integration }) => integration?.ms,
  'integration.status': ({ integration }) => integration?.functionStatus,
  integrationErrorMessage: ({ integration }) => integration?.error,
  integrationLatency: ({ integration }) => integration?.ms,
  integrationStatus: ({ integration }) => integration?.status,
  path: ({ event }) => event.rawPath,
  protocol: ({ event }) => event.requestContext.http.protocol,
  requestId: ({ event }) => event.requestContext.requestId,
  requestTime: ({ event }) => event.requestContext.time,
  requestTimeEpoch: ({ event }) => event.requestContext.timeEpoch,
  responseLatency: ({ responseMs }) => responseMs,
  responseLength: ({ responseBytes }) => responseBytes,
  routeKey: ({ event }) => event.routeKey,
  stage: ({ event }) => event.requestContext.stage,
  status: ({ status }) => status,
};

/**
 * Gives what reads one variable, named without its `$context.`.
 *
 * @throws Error for an unknown name: API Gateway accepts it and writes a hyphen, which is easy to miss
 */
export function contextVariable(name: string): (logged: LoggedRequest) => string | undefined {
  const property = /^authorizer\.([A-Za-z0-9_-]+)$/.exec(name)?.[1];
  const read =
    variables[name] ??
    (property === undefined ? undefined : (logged: LoggedRequest) => authorizerProperty(logged, property));
  if (read === undefined)
    throw new Error(`$context.${name} is not a variable of an HTTP API that this emulator knows`);
  return function readVariable(logged) {
    const value = read(logged);
    return value === undefined || value === '' ? undefined : String(value);
  };
}

function authorizerProperty({ authorizer }: LoggedRequest, name: string): Value {
  const { context } = authorizer ?? {};
  const value = (context as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  return typeof value === 'object' ? undefined : (value as Value);
}
