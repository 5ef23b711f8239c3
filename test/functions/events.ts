import type { HttpApiEvent } from '../../functions/payload.ts';

/** An event as an HTTP API sends it, with what differs. */
export function httpApiEvent(
  differs: Omit<Partial<HttpApiEvent>, 'requestContext'> & {
    method?: string;
    sourceIp?: string;
    requestContext?: Partial<HttpApiEvent['requestContext']>;
  } = {},
): HttpApiEvent {
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

export function contextWith(remainingMs: number): { getRemainingTimeInMillis(): number } {
  const endsMs = Date.now() + remainingMs;
  return { getRemainingTimeInMillis: () => endsMs - Date.now() };
}
