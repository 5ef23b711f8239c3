import { randomUUID } from 'node:crypto';
import type { Invoke } from './http-api-integration.ts';

/** What a function sees of its invocation, as far as Postern's functions use it. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

/**
 * Invokes a handler in this process with the semantics of Lambda: JSON in, JSON out, an exception is a function error.
 *
 * For tests of what goes in and out, which need no sandbox.
 */
export function inProcess(
  handler: (event: never, context: LambdaContext) => Promise<unknown>,
  timeoutMs = 29_000,
): Invoke {
  return async function invoke(payload) {
    const deadlineMs = Date.now() + timeoutMs;
    const context: LambdaContext = {
      awsRequestId: randomUUID(),
      functionName: 'in-process',
      getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    };
    try {
      const value = await handler(JSON.parse(payload) as never, context);
      return { payload: JSON.stringify(value ?? null), functionError: false };
    } catch (error) {
      const { name, message } = error as Error;
      return { payload: JSON.stringify({ errorType: name, errorMessage: message }), functionError: true };
    }
  };
}
