import type { Readable } from 'node:stream';
import type { Refusal } from '../answer/verdict.ts';
import type { AttemptEntry } from '../request/exchange.ts';
import type { Readiness } from './readiness.ts';

/** One request to a service. */
export interface Call {
  readonly method: string;
  /** Path and query for the target. */
  readonly path: string;
  /** Names and values in turn; `host` is the target's own, set by the upstream. */
  readonly headers: (host: string) => string[];
  readonly body: Uint8Array | Readable | null;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Each attempt is added when it begins, and changes until it is over. */
  readonly attempts: AttemptEntry[];
}

/** Receives an answer: a target's, or that of a route itself. After `end` or `fail` there are no more calls. */
export interface Receiver {
  informational(status: number, headers: string[]): void;
  /** With `dropsBody` the client does not get the body that follows. */
  head(status: number, headers: string[], dropsBody?: boolean): void;
  /** Returns false to pause until `resume`. */
  data(chunk: Uint8Array): boolean;
  end(): void;
  fail(reply: Refusal): void;
}

/** A call under way. */
export interface UpstreamCall {
  resume(): void;
  /** Stops the call; the receiver gets no more calls. `why` is the reply to the client; without it the client has left. */
  abort(why?: Refusal): void;
}

/** A service: one or more targets behind one transport. */
export interface Upstream {
  readonly timeoutMs: number;
  forward(call: Call, receiver: Receiver): UpstreamCall;
  ready(withinMs: number): Readiness | Promise<Readiness>;
  close(): Promise<void>;
}
