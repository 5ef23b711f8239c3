import type { ServerOptions } from '../gateway/index.ts';

/** The limits of the listener for clients. Times are in milliseconds. */
export interface ListenerLimits {
  /** Bytes of the request line and the headers together. */
  readonly headerBytes: number;
  /** Lines of headers. */
  readonly headerCount: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last byte of its body. */
  readonly requestTimeoutMs: number;
  /** How long a connection may be idle between two requests. */
  readonly keepAliveTimeoutMs: number;
  /** The least bytes a second of a body that is waited for, on average over each `bodyWindowMs`. */
  readonly bodyBytesPerSecond: number;
  readonly bodyWindowMs: number;
  /** What all requests under way may hold: their heads, and their bodies as far as these have arrived and are kept. */
  readonly memoryBytes: number;
  /** The same for one IPv4 address, or one /64 of IPv6. */
  readonly memoryPerAddressBytes: number;
  /** How long a client may read no byte of its answer before its connection is closed. */
  readonly stalledReaderMs: number;
  /** How long the rest of a refused request's body is still read, so that its sender sees the answer and not a reset. */
  readonly lingerMs: number;
  /** Up to this many bytes of an unwanted body are read to keep the connection; with more it is closed. */
  readonly discardBytes: number;
  readonly connections: number;
  /** The same for one IPv4 address, or one /64 of IPv6. */
  readonly connectionsPerAddress: number;
  /** Requests on one connection that are not answered yet: a client may send some ahead (RFC 9112 section 9.3.2). */
  readonly pipelined: number;
}

export const defaultLimits: ListenerLimits = Object.freeze({
  // Above the limit of the path, so that a long one is refused as what it is (414).
  headerBytes: 32 * 1024,
  headerCount: 128,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  // Longer than the 60 s for which load balancers keep theirs: the side that sends must be the side that closes.
  keepAliveTimeoutMs: 75_000,
  // The rate and time that Kestrel and Apache's mod_reqtimeout start with, about: slower than any modem.
  bodyBytesPerSecond: 240,
  bodyWindowMs: 10_000,
  // 25 bodies of the largest default size (10 MiB) beside a process of 100 MB, within the 512 MB of a small container.
  memoryBytes: 256 * 1024 * 1024,
  // For one client. Behind a proxy all clients have one address: raise it to `memory` there.
  memoryPerAddressBytes: 64 * 1024 * 1024,
  stalledReaderMs: 60_000,
  lingerMs: 1_000,
  discardBytes: 64 * 1024,
  connections: 10_000,
  connectionsPerAddress: 2_500,
  pipelined: 64,
});

/** The largest body that the requests of one address can hold. */
export function mostHeldBodyBytes({ limits }: Pick<ServerOptions, 'limits'>): number {
  const { memoryBytes, memoryPerAddressBytes } = limitsOf(limits);
  return Math.min(memoryBytes, memoryPerAddressBytes);
}

/** The limits of a configuration, with defaults for the others. */
export function limitsOf(given: ServerOptions['limits']): ListenerLimits {
  const requestTimeoutMs = given.requestTimeout ?? defaultLimits.requestTimeoutMs;
  const memoryBytes = given.memory ?? defaultLimits.memoryBytes;
  const connections = given.connections ?? defaultLimits.connections;
  return {
    ...defaultLimits,
    headerBytes: given.headerSize ?? defaultLimits.headerBytes,
    headerCount: given.headerLines ?? defaultLimits.headerCount,
    // Node refuses a longer one: the headers are part of the request.
    headersTimeoutMs: Math.min(given.headerTimeout ?? defaultLimits.headersTimeoutMs, requestTimeoutMs),
    requestTimeoutMs,
    keepAliveTimeoutMs: given.keepAliveTimeout ?? defaultLimits.keepAliveTimeoutMs,
    bodyBytesPerSecond: given.bodyRate ?? defaultLimits.bodyBytesPerSecond,
    bodyWindowMs: given.bodyWindow ?? defaultLimits.bodyWindowMs,
    memoryBytes,
    memoryPerAddressBytes: given.memoryPerAddress ?? Math.floor(memoryBytes / 4),
    stalledReaderMs: given.answerTimeout ?? defaultLimits.stalledReaderMs,
    connections,
    connectionsPerAddress: given.connectionsPerAddress ?? Math.ceil(connections / 4),
    pipelined: given.pipelined ?? defaultLimits.pipelined,
  };
}
