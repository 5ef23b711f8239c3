import type { Reply } from '../answer/verdict.ts';
import type { Exchange } from '../request/exchange.ts';
import type { IncomingRequest } from '../request/request.ts';

/** The log's view of a request without a route. For bytes that are not a request, only the address is known. */
export type SeenRequest = Pick<IncomingRequest, 'clientIp'> &
  Partial<Pick<IncomingRequest, 'method' | 'target' | 'headers'>>;

/** The facts about a finished request, for the log. */
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
