import type { Refusal } from '../answer/verdict.ts';
import type { Body } from '../request/body.ts';
import type { Exchange, Head } from '../request/exchange.ts';
import type { Receiver } from '../upstream/upstream.ts';

/** What a route does with an admitted request. */
export interface Action {
  /** The time until the answer must begin, in milliseconds. */
  readonly timeoutMs: number;
  /** What it would do with a request, for `postern explain`: `it would go to builds as POST /webhook`. Never with the query. */
  describe(head: Head): string;
  /** A refusal of a request whose path is irregular; not called for others. */
  refuse?(head: Head): Refusal | undefined;
  /** Whether it would go on with what an earlier action began for this request, in the same way. Default: no. */
  takesOver?(earlier: Action, head: Head): boolean;
  /** Starts the action. The receiver may be called before this returns. */
  start(exchange: Exchange, body: Body, receiver: Receiver): Run;
}

/** An action under way. */
export interface Run {
  /** The receiver can take more data. */
  resume(): void;
  /** Stops the action; the receiver gets no more calls. `why` is the client's answer instead. */
  abort(why?: Refusal): void;
}
