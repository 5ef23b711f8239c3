import type { Body } from '../gateway/index.ts';
import type { Accounted } from './memory.ts';
import type { RequestLine } from './protocol.ts';
import type { ServerRequest } from './server-request.ts';

/** The answer to one request, behind those to the requests before it on the same connection. */
export interface PipelinedAnswer {
  readonly request: ServerRequest;
  /** What the gateway reads; undefined for a request that it does not get. */
  readonly body: Body | undefined;
  /** The answer before this one, while both are under way. */
  readonly previous: PipelinedAnswer | undefined;
  /** Ends the exchange without an answer. */
  drop(): void;
}

/** What the listener stores on a connection. */
export interface Connection extends Accounted {
  /** The client's address, read when the connection came, because one that was reset has no address any more. */
  clientIp?: string;
  requestLine?: RequestLine;
  /** Requests whose answers are not sent in full yet: more than one with pipelining. */
  inFlight?: number;
  /** The request that arrived last. */
  latest?: PipelinedAnswer;
  /** What came last was not a request: once the answers before it are sent, the connection closes. */
  broken?: boolean;
  /** An answer closes the connection after it: later requests are not carried out, because they could not be answered. */
  closing?: boolean;
}
