import type { Clock } from '../clock.ts';
import type { CallAnswer, CallError } from './call.ts';

/** How often a call is sent, and within what time. */
export interface RetryPolicy {
  /** The pauses before further attempts, so there is one more attempt than pauses. */
  readonly pausesMs: readonly number[];
  /** The time left for all attempts and pauses. */
  readonly leftMs: () => number;
  /** The time limit of one attempt. Default: its share of the time left. */
  readonly attemptMs?: number;
  /** The time that must be left after a pause for another attempt. Default: 1 ms. */
  readonly leastMs?: number;
  /** Whether the server may carry out the call twice. If not, it is sent again only if it was not carried out. */
  readonly repeatable: boolean;
  /** Whether the server rejected the call without carrying it out. Default: the status is 429. */
  readonly isThrottled?: (answer: CallAnswer) => boolean;
  /** For the dates and the pauses. */
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
}

/** In less time than this, one long attempt is worth more than several short ones. */
const enoughMs = 1_500;

/**
 * Sends a call, and sends it again after a failure that may be temporary: no connection, no whole answer, 429, 5xx. It waits as long
 * as the answer asks for (Retry-After), and gives up if there is no time for that.
 *
 * @param send receives the time for one attempt
 * @returns the last answer, which may still be 429 or 5xx
 * @throws CallError of the last attempt
 */
export async function callWithRetries(
  send: (timeoutMs: number) => Promise<CallAnswer>,
  policy: RetryPolicy,
): Promise<CallAnswer> {
  const { pausesMs, leftMs, attemptMs, leastMs = 1, clock } = policy;
  const isShort = leftMs() < enoughMs;
  for (let attempt = 0; ; attempt += 1) {
    const left = leftMs();
    if (left < 1) throw Object.assign(new Error('no time was left'), { unsent: true });
    const share = isShort ? left : shareOf(left, pausesMs.slice(attempt));
    const outcome = await settle(send(Math.min(left, attemptMs ?? share)));
    const pauseMs = pauseAfter(outcome, pausesMs[attempt], policy);
    if (pauseMs === undefined || leftMs() - pauseMs < leastMs) {
      if ('error' in outcome) throw outcome.error;
      return outcome.answer;
    }
    await clock.sleep(pauseMs);
  }
}

type Outcome = { readonly answer: CallAnswer } | { readonly error: CallError };

/** Undefined if the call is not sent again. */
function pauseAfter(
  outcome: Outcome,
  pauseMs: number | undefined,
  { repeatable, isThrottled = is429, clock }: RetryPolicy,
): number | undefined {
  if ('error' in outcome) return isPassing(outcome.error, repeatable) ? pauseMs : undefined;
  const { answer } = outcome;
  if (pauseMs === undefined || !(isThrottled(answer) || (answer.status >= 500 && repeatable)))
    return undefined;
  return retryAfterMs(answer, clock.now()) ?? pauseMs;
}

/**
 * How long an answer asks to wait, in milliseconds; undefined if it does not ask. A date is compared with the server's clock.
 *
 * Source: RFC 9110 section 10.2.3.
 */
export function retryAfterMs(answer: CallAnswer, nowMs: number): number | undefined {
  const value = answer.headers['retry-after'];
  if (value === undefined) return undefined;
  const ms = /^[0-9]+$/.test(value)
    ? Math.min(Number(value), 1e9) * 1_000
    : Date.parse(value) - (serverTimeMs(answer) ?? nowMs);
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The server's clock at the time of the answer: up to a second behind, because Date has whole seconds (RFC 9110 section 5.6.7). */
export function serverTimeMs({ headers }: CallAnswer): number | undefined {
  return Date.parse(headers.date ?? '') || undefined;
}

function shareOf(leftMs: number, pausesMs: readonly number[]): number {
  const pauses = pausesMs.reduce((sum, ms) => sum + ms, 0);
  // A long Retry-After may have used up the time of the pauses.
  return Math.max(leftMs - pauses, leftMs / 2) / (pausesMs.length + 1);
}

function is429({ status }: CallAnswer): boolean {
  return status === 429;
}

function isPassing({ code = '', unsent }: CallError, repeatable: boolean): boolean {
  // An untrusted certificate does not become trusted by waiting.
  return (repeatable || unsent === true) && !/CERT|SELF_SIGNED|UNABLE_TO_/.test(code);
}

function settle(sent: Promise<CallAnswer>): Promise<Outcome> {
  return sent.then(
    (answer) => ({ answer }),
    (error: CallError) => ({ error }),
  );
}
