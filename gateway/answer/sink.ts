import { ReplyError } from './reply-error.ts';
import type { Refusal } from './verdict.ts';

/** Where the answer to one request goes; the host provides it. Calls are made one after another, never nested. */
export interface Sink {
  /** An interim answer (1xx, RFC 9110 section 15.2). A host that cannot send one omits this method. */
  informational?(status: number, headers: readonly string[]): void;
  /** The head, once. `bodyless` means that no body follows, whatever the headers declare (HEAD, 204, 304). */
  head(status: number, headers: readonly string[], bodyless: boolean): void;
  /** One chunk. Returns false if the client reads more slowly: wait for `resume` of the Handling. */
  data(chunk: Uint8Array): boolean;
  end(): void;
  /** The answer broke off after its head was sent. The host must make that visible, and never end the answer as if it were whole. */
  abort(broken: BrokenOff): void;
}

/** Why an answer broke off. A host that has sent nothing yet may send the reply instead. */
export class BrokenOff extends ReplyError {}

/** The host's control over a request under way. */
export interface Handling {
  /** The client can take more data. */
  resume(): void;
  /** The client has left: stop working for it. */
  cancel(): void;
  /** Drops the answer and sends this reply instead, including its head. For a host that has sent nothing yet, such as one that buffers. */
  refuse(reply: Refusal): void;
}
