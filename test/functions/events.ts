import assert from 'node:assert/strict';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { HttpApiEvent } from '../../functions/payload.ts';
import { readRequest, takeEvent } from '../../functions/read-event.ts';

/** An event as it comes over the wire; a test may put anything into most fields. */
export interface WireEvent {
  readonly version: '2.0';
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly cookies?: readonly string[] | null;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
  readonly requestContext: HttpApiEvent['requestContext'];
}

type Differs = Omit<Partial<WireEvent>, 'requestContext'> & {
  method?: string;
  sourceIp?: string;
  requestContext?: Partial<HttpApiEvent['requestContext']>;
};

/** An event as an HTTP API sends it to the forwarder, with what differs. */
export function httpApiEvent(differs: Differs = {}): WireEvent {
  const { method = 'GET', sourceIp = '192.0.2.7', requestContext, ...rest } = differs;
  return {
    version: '2.0',
    rawPath: '/hooks/github',
    rawQueryString: '',
    headers: { host: 'api.example.com', 'content-length': '0' },
    isBase64Encoded: false,
    ...rest,
    requestContext: {
      domainName: 'api.example.com',
      http: { method, sourceIp },
      requestId: 'ATfSmjLgPHcESJw=',
      stage: '$default',
      ...requestContext,
    },
  };
}

/** The same as it is sent to the authorizer. */
export function authorizerEvent(differs: Differs = {}) {
  return asAuthorizerEvent(httpApiEvent(differs));
}

export function asAuthorizerEvent(event: WireEvent) {
  const { body: _body, isBase64Encoded: _encoded, ...head } = event;
  return {
    ...head,
    type: 'REQUEST',
    routeArn: 'arn:aws:execute-api:eu-west-1:123456789012:lab0123456/$default/GET/hooks/github',
    identitySource: [head.requestContext.http.sourceIp],
  };
}

/** What the functions read of an event that is well formed. */
export function requestOf(event: unknown): HttpApiEvent {
  const received = takeEvent(event, 'forwarder');
  assert.ok(received !== undefined, 'the event is of another kind');
  const { event: request, reply } = readRequest(received);
  assert.ok(request !== undefined, reply?.detail);
  return request;
}

export function contextWith(
  remainingMs: number,
  clock: Clock = systemClock,
): { getRemainingTimeInMillis(): number } {
  const endsMs = clock.now() + remainingMs;
  return { getRemainingTimeInMillis: () => endsMs - clock.now() };
}
