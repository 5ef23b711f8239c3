import { ReplyError } from './reply-error.ts';
import type { Refusal } from './verdict.ts';

/** Where the answer to one request goes: what a host gives the gateway. All calls are made on one turn after another, never at once. */
export interface Sink {
  /** An interim answer (1xx, RFC 9110 section 15.2); hosts that cannot send one leave it out. */
  informational?(status: number, headers: readonly string[]): void;
  /** The head, once. `bodyless` says that no byte of a body follows whatever the headers declare (HEAD, 204, 304). */
  head(status: number, headers: readonly string[], bodyless: boolean): void;
  /** One chunk. Gives false when the client reads slower than this: wait for `resume` of the Handling. */
  data(chunk: Uint8Array): boolean;
  end(): void;
  /** The answer broke off after its head was sent: the host must make that visible, never end it as if it were whole. */
  abort(broken: BrokenOff): void;
}

/** Why an answer broke off. A host that has sent nothing of it yet may give the reply instead. */
export class BrokenOff extends ReplyError {}

/** What a host holds of a request under way. */
export interface Handling {
  /** The client can take more. */
  resume(): void;
  /** The client is gone: stop working for it. */
  cancel(): void;
  /** The answer is dropped and this reply given in its place, from the head on: for a host that has sent nothing yet, such as one that buffers. */
  refuse(reply: Refusal): void;
}
