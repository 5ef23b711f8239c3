import { redact } from '../../base/redact.ts';
import { keyDaysLeft } from './metrics.ts';
import type { StepContext } from './step-context.ts';
import { readStoredKey } from './stored-key.ts';

const dayMs = 86_400_000;

/**
 * Reports how long the current key lives: `KeyDaysLeft`, once a day. A value that the rotation did not make, and a key that the issuer
 * says is revoked, have 0 days. When the issuer cannot be asked, the time that was stored with the key counts.
 *
 * @throws RotationError when the secret cannot be read
 */
export async function checkExpiry(stepContext: StepContext, secretId: string): Promise<void> {
  const { store, log, clock } = stepContext;
  const stored = readStoredKey(await store.read(secretId, { stage: 'AWSCURRENT' }));
  if (stored === undefined) {
    const detail =
      'The current value was not made by the rotation, so that nobody knows how long it lasts. Rotate now';
    return log.warn('key expiry', { code: 'rotation:no-expiry', detail, ...keyDaysLeft(stepContext, 0) });
  }
  const fields = { key: stored.id, expires: new Date(stored.expiresMs).toISOString() };
  if (await isRevoked(stepContext, stored.id)) {
    const detail = 'The issuer says that the current key was revoked. Rotate now';
    return log.warn('key expiry', {
      code: 'rotation:revoked',
      ...fields,
      detail,
      ...keyDaysLeft(stepContext, 0),
    });
  }
  log.info('key expiry', {
    ...fields,
    ...keyDaysLeft(stepContext, (stored.expiresMs - clock.now()) / dayMs),
  });
}

async function isRevoked({ open, budget, log }: StepContext, id: string): Promise<boolean> {
  try {
    const state = await (await open(budget)).inspect(id);
    return state?.live !== true;
  } catch (error) {
    log.warn('issuer not asked', { detail: redact((error as Error).message) });
    return false;
  }
}
