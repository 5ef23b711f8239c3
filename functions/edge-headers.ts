/**
 * What the edge adds to each request, by names that only the gateway may say: no target sees them (headers.ts).
 *
 * They count for nothing unless the secret is right.
 */
export const edgeHeaders = {
  /** Proves that the request came through the edge. */
  secret: 'x-postern-edge',
  /** The name that the client asked for; API Gateway sees its own. */
  host: 'x-postern-host',
} as const;
