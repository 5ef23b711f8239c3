import { messageOf } from '../../base/message-of.ts';
import { gatewayRefusals } from './refusal.ts';
import type { Refusal } from './verdict.ts';

/** Carries a reply out of code that can do nothing but throw: streams, sockets and parsers. */
export class ReplyError extends Error {
  readonly reply: Refusal;

  constructor(reply: Refusal, options?: ErrorOptions) {
    super(`${reply.code}: ${reply.detail ?? reply.title}`, options);
    this.name = new.target.name;
    this.reply = reply;
  }
}

/** The reply to a request in which something threw: the one that the error carries, or `gateway:error`. */
export function replyFor(error: unknown): Refusal {
  return error instanceof ReplyError ? error.reply : gatewayRefusals.error(messageOf(error));
}
