import type { Clock } from '../../base/clock.ts';
import type { CallError, call } from '../../base/http/call.ts';
import type { Log } from '../../base/log.ts';
import { messageOf } from '../../base/message-of.ts';
import {
  type Api,
  type ApiAnswer,
  type ApiCall,
  createApi,
  describeAnswer,
} from '../../base/tailscale/api.ts';
import { RotationError } from './errors.ts';
import type { Budget } from './issuer.ts';

export interface IssuerApiOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly budget: Budget;
  readonly log: Log;
  readonly clock: Clock;
  /** Default: over the network. */
  readonly send?: typeof call | undefined;
}

const retry = { pausesMs: [500, 2_000], attemptMs: 10_000, leastMs: 1_000 };
/** Time reserved for storing, revoking and reporting after the last call. */
const reserveMs = 5_000;
const maxBytes = 4 * 1024 * 1024;
const skewMs = 5 * 60_000;
/** When a 429 does not say how long to wait. */
const limitedMs = 2_000;

/** Whether that moment is in the future by the server's own clock, by more than a second. */
export function isAhead(atMs: number, { serverTimeMs }: Pick<ApiAnswer, 'serverTimeMs'>): boolean {
  return atMs > serverTimeMs + 1_000;
}

/**
 * The issuer's API within the time of the function, with errors that say what to do. Gives any answer below 500 that is neither
 * a redirect nor 401, 403 or 429.
 *
 * @throws RotationError
 */
export function createIssuerApi({ origin, budget, log, clock, send }: IssuerApiOptions): Api {
  const leftMs = () => budget.remainingMs() - reserveMs;
  const api = createApi({ origin, clock, maxBytes, retry: { ...retry, leftMs }, ...(send && { send }) });
  let skewWarned = false;

  return async function ask(call) {
    const name = `${call.method} ${origin}${call.path}`;
    if (leftMs() <= 0)
      throw new RotationError('rotation:unreachable', `${name}: the time of the function is up`);
    const answer = await api(call).catch((error: CallError) => {
      const doubt = error.unsent === true ? '' : doubtOf(call);
      throw new RotationError('rotation:unreachable', `${name}: ${messageOf(error)}${doubt}`);
    });
    warnOfClockSkew(answer.serverTimeMs - clock.now());
    const { status } = answer;
    const failure = `${name} ${describeAnswer(answer)}`;
    if (status === 429) {
      const when = new Date(clock.now() + (answer.retryAfterMs ?? limitedMs)).toISOString();
      throw new RotationError('rotation:rate-limited', `${failure}; it asks to wait until ${when}`);
    }
    if (status >= 500) throw new RotationError('rotation:unreachable', `${failure}${doubtOf(call)}`);
    if (status >= 300 && status < 400)
      throw new RotationError('rotation:unreachable', `${failure}, and no redirect is followed`);
    if (status === 401) throw new RotationError('rotation:unauthorized', failure);
    if (status === 403) throw new RotationError('rotation:forbidden', failure);
    return answer;
  };

  function warnOfClockSkew(differenceMs: number): void {
    if (skewWarned || Math.abs(differenceMs) < skewMs) return;
    skewWarned = true;
    const detail = `The clock of ${origin} is ${Math.round(differenceMs / 1_000)} s off this function's; times are taken from it`;
    log.warn('clock skew', { code: 'rotation:clock-skew', detail });
  }
}

function doubtOf({ repeatable }: ApiCall): string {
  return repeatable ? '' : '; whether a key was made is unknown, and if so nobody has its text';
}

/** An issuer that answers a request for a key by none. */
export function notMade(answer: ApiAnswer): RotationError {
  return new RotationError('rotation:refused', `The issuer made no key: it ${describeAnswer(answer)}`);
}

export function unexpected({ method, path }: ApiCall, { status }: ApiAnswer): RotationError {
  return new RotationError('rotation:unexpected', `${method} ${path} answered ${status} in an unknown form`);
}
