/**
 * What the edge adds to each request, under names that are reserved: no target sees them (headers.ts).
 *
 * They are ignored unless the secret is right.
 */
export const edgeHeaders = {
  /** Proves that the request came through the edge. */
  secret: 'x-postern-edge',
  /** The name that the client asked for; API Gateway sees its own. */
  host: 'x-postern-host',
} as const;
