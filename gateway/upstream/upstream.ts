import type { Readable } from 'node:stream';
import type { Refusal } from '../answer/verdict.ts';
import type { AttemptEntry } from '../request/exchange.ts';
import type { Readiness } from './readiness.ts';

/** One request to a service. */
export interface Call {
  readonly method: string;
  /** Path and query, as the target shall see them. */
  readonly path: string;
  /** Names and values, flat; `host` among them is the target's own, set by the upstream. */
  readonly headers: (host: string) => string[];
  readonly body: Uint8Array | Readable | null;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Each attempt is added here when it begins, and changed until it is over. */
  readonly attempts: AttemptEntry[];
}

/** Takes an answer: a target's, or one that a route gives itself. After `end` or `fail` nothing more comes. */
export interface Receiver {
  informational(status: number, headers: string[]): void;
  /** With `dropsBody` the body that follows does not go to the client. */
  head(status: number, headers: string[], dropsBody?: boolean): void;
  /** Gives false to be sent no more until `resume`. */
  data(chunk: Uint8Array): boolean;
  end(): void;
  fail(reply: Refusal): void;
}

/** A call under way. */
export interface UpstreamCall {
  resume(): void;
  /** Stops the call; the receiver hears nothing more. `why` is the reply to the client, if the call failed and the client did not leave. */
  abort(why?: Refusal): void;
}

/** A service: one or more targets behind one transport. */
export interface Upstream {
  readonly timeoutMs: number;
  forward(call: Call, receiver: Receiver): UpstreamCall;
  ready(withinMs: number): Readiness | Promise<Readiness>;
  close(): Promise<void>;
}
