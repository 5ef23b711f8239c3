import { gatewayAnswer, type HttpApiAnswer, internalError, makeAnswer } from './http-api-answer.ts';
import type { Integration } from './http-api-context.ts';
import { limits } from './http-api-limits.ts';

/** Sends an event to a function, at any address, and returns its answer. */
export type Invoke = (
  payload: string,
) => Promise<{ readonly payload: string; readonly functionError: boolean }>;

export interface Invoked {
  readonly answer: HttpApiAnswer;
  readonly integration: Integration;
}

/**
 * Calls a function for a request and makes the client's answer of what it gave.
 *
 * A function that failed, that ran out of its own time or whose answer is malformed is a 500; one that outlasts the integration's time
 * is a 503 (seen by others: github.com/serverless/serverless/issues/11222, github.com/cortexlabs/cortex/issues/1226; and for a
 * function's own time-out github.com/denoland/deno_registry2/issues/87). The documentation names neither for HTTP APIs.
 */
export async function integrate(invoke: Invoke, payload: string, limitMs: number): Promise<Invoked> {
  const startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    // The function goes on running; nobody waits for it.
    timer = setTimeout(resolve, limitMs, undefined);
  });
  try {
    const invocation = await Promise.race([invoke(payload), late]);
    const ms = Math.round(performance.now() - startedMs);
    const outcome = (answer: HttpApiAnswer, error?: string, functionStatus?: number) => ({
      answer,
      integration: { ms, status: invocation === undefined ? undefined : 200, functionStatus, error },
    });
    if (invocation === undefined)
      return outcome(gatewayAnswer(503, 'Service Unavailable'), 'The integration took too long');
    if (invocation.functionError) return outcome(internalError, 'The Lambda function returned an error');
    if (Buffer.byteLength(invocation.payload) > limits.answerBytes)
      return outcome(internalError, 'The response is larger than a function may return');
    const answer = makeAnswer(invocation.payload);
    if (answer.error !== undefined) return outcome(answer, 'The response has an invalid format');
    return outcome(answer, undefined, answer.status);
  } finally {
    clearTimeout(timer);
  }
}
