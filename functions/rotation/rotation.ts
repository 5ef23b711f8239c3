import { messageOf } from '../../base/message-of.ts';
import { redact } from '../../base/redact.ts';
import { RotationError } from './errors.ts';
import { checkExpiry } from './expiry.ts';
import { rotationFailed } from './metrics.ts';
import type { Step, StepContext } from './step-context.ts';
import { createSecret, finishSecret, setSecret, testSecret } from './steps.ts';

/** The part of Lambda's context that is used. */
export interface Context {
  getRemainingTimeInMillis(): number;
}

export interface RotationOptions extends Omit<StepContext, 'budget'> {
  /** The secret that `{"check":"expiry"}` looks at. */
  readonly secretId: string | undefined;
}

const steps: Readonly<Record<string, Step>> = { createSecret, setSecret, testSecret, finishSecret };

export type RotationHandler = (event: unknown, context: Context) => Promise<void>;

/**
 * Makes the handler of Secrets Manager's rotation events, and of the daily `{"check":"expiry"}`.
 *
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 *
 * @returns a handler that throws what went wrong, so that Secrets Manager tries again
 */
export function createRotation(options: RotationOptions): RotationHandler {
  async function run(event: unknown, stepContext: StepContext): Promise<void> {
    const {
      check,
      Step: name,
      SecretId: secretId,
      ClientRequestToken: token,
    } = (event ?? {}) as Record<string, unknown>;
    if (check === 'expiry') {
      if (options.secretId === undefined)
        throw new RotationError('rotation:misconfigured', 'POSTERN_TAILNET_SECRET_ID is not set');
      return checkExpiry(stepContext, options.secretId);
    }
    const step = typeof name === 'string' && Object.hasOwn(steps, name) ? steps[name] : undefined;
    if (step === undefined || typeof secretId !== 'string' || typeof token !== 'string') {
      const keys = Object.keys((event ?? {}) as object).slice(0, 10);
      throw new RotationError(
        'rotation:event',
        `The event has the fields ${keys.join(', ') || '(none)'}, and is not a step of a rotation`,
      );
    }
    return step(stepContext, { secretId, token });
  }

  return async function handleRotation(event, context) {
    const budget = { remainingMs: () => context.getRemainingTimeInMillis() };
    const stepContext: StepContext = { ...options, budget };
    try {
      await run(event, stepContext);
    } catch (error) {
      const code = error instanceof RotationError ? error.code : 'rotation:error';
      const message = redact(messageOf(error));
      const { Step: step, ClientRequestToken: version } = (event ?? {}) as Record<string, unknown>;
      options.log.error('rotation failed', {
        step,
        version,
        detail: message,
        ...rotationFailed(options, code),
      });
      // A new error: Lambda logs its message and stack, and a foreign one could hold anything.
      throw error instanceof RotationError ? error : new Error(`rotation:error: ${message}`);
    }
  };
}

/** A function with wrong variables reports them at each event, so that the alarm fires: one that throws while it starts has no metric. */
export function refuseAll(
  problem: string,
  source: Pick<StepContext, 'log' | 'functionName' | 'clock'>,
): RotationHandler {
  return async function refuse() {
    const error = new RotationError('rotation:misconfigured', problem);
    source.log.error('rotation failed', { detail: error.message, ...rotationFailed(source, error.code) });
    throw error;
  };
}
