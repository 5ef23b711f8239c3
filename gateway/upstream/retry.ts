import { Readable } from 'node:stream';
import type { Outcome } from './outcome.ts';
import type { Call } from './upstream.ts';

/**
 * Whether a call is tried at another endpoint: only if no connection was made. After that, bytes may have been sent, and nothing is
 * sent twice, whatever the method.
 *
 * @param untried the number of endpoints that the call has not tried
 */
export function isRetried(outcome: Outcome, untried: number, body: Call['body']): boolean {
  return outcome.connectFailed && untried > 0 && isIntact(body);
}

/** undici reads a stream only after a connection was made, so a stream that is not destroyed was not read. */
function isIntact(body: Call['body']): boolean {
  return !(body instanceof Readable) || !body.destroyed;
}
