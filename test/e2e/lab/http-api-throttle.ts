/** A stage's limits for each of its routes. */
export interface Throttle {
  /** Requests a second that it takes for long. */
  readonly rateLimit: number;
  /** How many it takes at once, after a rest. */
  readonly burstLimit: number;
}

/**
 * Gives the function that takes one token for a request, or says that there is none: a bucket of `burstLimit` tokens into which
 * `rateLimit` fall each second.
 *
 * API Gateway does so "on a best-effort basis": it may let more through, here it never does.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
 */
export function tokenBucket({ rateLimit, burstLimit }: Throttle, clock: () => number): () => boolean {
  let tokens = burstLimit;
  let lastMs = clock();
  return function take() {
    const nowMs = clock();
    tokens = Math.min(burstLimit, tokens + ((nowMs - lastMs) / 1_000) * rateLimit);
    lastMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
