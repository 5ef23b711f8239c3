import type { Refusal } from '../answer/verdict.ts';
import type { Body } from '../request/body.ts';
import type { Exchange, Head } from '../request/exchange.ts';
import type { Receiver } from '../upstream/upstream.ts';

/** What a route does with a request that was admitted. */
export interface Action {
  /** How long the answer may take to begin, in milliseconds. */
  readonly timeoutMs: number;
  /** What it would do with a request, for `postern explain`: `it would go to builds as POST /webhook`. Never with the query. */
  describe(head: Head): string;
  /** What speaks against a request whose path is irregular; asked for those alone. */
  refuse?(head: Head): Refusal | undefined;
  /** Begins. The receiver may be called before it returns. */
  start(exchange: Exchange, body: Body, receiver: Receiver): Run;
}

/** An action under way. */
export interface Run {
  /** The receiver can take more. */
  resume(): void;
  /** Stops the action; the receiver hears nothing more. `why` is what the client gets in its place. */
  abort(why?: Refusal): void;
}
