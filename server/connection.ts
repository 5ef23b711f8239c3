import type { Socket } from 'node:net';
import type { Account } from './memory.ts';
import type { ResponseSink } from './response-sink.ts';

/** What the listener keeps with a connection. */
export interface Connection extends Socket {
  /** The client's address, read when the connection came: one that was reset since has none any more. */
  clientIp?: string;
  account?: Account;
  /** Requests whose answers are not sent in full yet: more than one with pipelining. */
  inFlight?: number;
  /** The request that arrived last. */
  latest?: ResponseSink;
  /** What came last was no request: once the answers before it are sent, the connection closes. */
  broken?: boolean;
  /** An answer closes the connection after it: no request behind it is carried out, for it could not be answered. */
  closing?: boolean;
}
