import type { Reply } from '../answer/verdict.ts';
import type { Exchange } from '../request/exchange.ts';
import type { IncomingRequest } from '../request/request.ts';

/** What the log says of a request without a route; of bytes that are no request, only the address is known. */
export type SeenRequest = Pick<IncomingRequest, 'clientIp'> &
  Partial<Pick<IncomingRequest, 'method' | 'target' | 'headers'>>;

/** What is known of a request when it is over, for the log. */
export interface FinishedRequest {
  readonly id: string;
  readonly request: SeenRequest;
  readonly exchange: Exchange | undefined;
  readonly status: number;
  readonly reply: Reply | undefined;
  readonly durationMs: number;
  /** Bytes of the answer's body. */
  readonly sentBytes: number;
  readonly brokenOff: string | undefined;
}
