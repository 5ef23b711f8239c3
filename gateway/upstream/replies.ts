import { Readable } from 'node:stream';
import { errors } from 'undici';
import { messageOf } from '../../base/message-of.ts';
import { gatewayRefusals } from '../answer/refusal.ts';
import { ReplyError } from '../answer/reply-error.ts';
import type { Refusal } from '../answer/verdict.ts';
import { BodyError } from '../request/body.ts';
import { upstreamRefusals } from './refusals.ts';
import type { Call } from './upstream.ts';

/**
 * The reply to a call that failed with this error.
 *
 * @param connected whether a connection was made, so that an unknown error, such as one of TLS, is not the gateway's fault
 */
export function replyTo(error: unknown, body: Call['body'], connected: boolean): Refusal {
  const brokenBody =
    body instanceof Readable && (body.errored === error || codeOf(error) === 'UND_ERR_ABORTED');
  if (brokenBody && !(error instanceof BodyError)) return gatewayRefusals['body-aborted'](messageOf(error));
  if (error instanceof ReplyError) return error.reply;
  const message = messageOf(error);
  if (error instanceof errors.HTTPParserError) return upstreamRefusals['bad-answer'](message);
  switch (codeOf(error)) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return upstreamRefusals.timeout(message);
    case 'UND_ERR_SOCKET':
      // undici's message for an unexpected answer, such as 101 or a second one.
      return /^bad (?:response|upgrade)$/.test(message)
        ? upstreamRefusals['bad-answer'](message)
        : upstreamRefusals.reset(message);
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return upstreamRefusals.reset(message);
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return upstreamRefusals['bad-answer'](message);
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return gatewayRefusals['body-aborted'](message);
    case 'UND_ERR_INVALID_ARG':
      return gatewayRefusals['bad-header'](message);
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return gatewayRefusals.stopping(message);
    default:
      return connected ? upstreamRefusals.reset(message) : gatewayRefusals.error(message);
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
