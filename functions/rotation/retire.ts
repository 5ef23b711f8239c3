import { messageOf } from '../../base/message-of.ts';
import { redact } from '../../base/redact.ts';
import type { Issuer } from './issuer.ts';
import { rotationFailed } from './metrics.ts';
import type { StepContext } from './step-context.ts';
import { readStoredKey, type StoredKey } from './stored-key.ts';

/** A version that was AWSPREVIOUS, read before it lost that label: AWS may delete a version without a label. */
export interface UnlabelledVersion {
  readonly version: string;
  readonly text: string | undefined;
}

/**
 * Revokes the keys of all versions without a label: the one before the previous, and what earlier rotations left.
 *
 * Never throws: the new key stays current. A failure is reported, and tried again at the next rotation.
 */
export async function retire(
  stepContext: StepContext,
  issuer: Issuer,
  secretId: string,
  unlabelled: UnlabelledVersion | undefined,
): Promise<void> {
  const { log, clock } = stepContext;
  try {
    const { kept, left } = await sortKeys(stepContext, secretId, unlabelled);
    for (const [version, stored] of left) {
      if (stored.expiresMs > clock.now() && !kept.has(nameOf(stored)))
        await revoke(stepContext, issuer, version, stored);
    }
  } catch (error) {
    const detail = `Old keys could not be looked for; the next rotation tries again. ${redactedMessageOf(error)}`;
    log.error('revoke failed', { detail, ...rotationFailed(stepContext, 'rotation:revoke-failed') });
  }
}

/** The names of the keys in versions with a label, and the keys of ours in the others. */
async function sortKeys(
  { store, log }: StepContext,
  secretId: string,
  unlabelled: UnlabelledVersion | undefined,
): Promise<{ kept: ReadonlySet<string>; left: ReadonlyMap<string, StoredKey> }> {
  const kept = new Set<string>();
  const left = new Map<string, StoredKey>();
  const { stages } = await store.describe(secretId);
  for (const version of Object.keys(stages)) {
    const stored = readStoredKey(await store.read(secretId, { id: version }));
    if (stored !== undefined) kept.add(nameOf(stored));
  }
  if (unlabelled !== undefined && !Object.hasOwn(stages, unlabelled.version)) {
    const stored = readStoredKey(unlabelled.text);
    if (stored !== undefined) left.set(unlabelled.version, stored);
    else if (unlabelled.text !== undefined) {
      const detail =
        'The version before the previous one holds a value that the rotation did not make: if it is a key, revoke it by hand';
      log.warn('key not revoked', { code: 'rotation:foreign', version: unlabelled.version, detail });
    }
  }
  for (const version of await store.unlabelled(secretId)) {
    const stored = readStoredKey(await store.read(secretId, { id: version }));
    if (stored !== undefined) left.set(version, stored);
  }
  return { kept, left };
}

async function revoke(
  stepContext: StepContext,
  issuer: Issuer,
  version: string,
  stored: StoredKey,
): Promise<void> {
  const { log, origin } = stepContext;
  const fields = { version, key: stored.id };
  if (stored.issuer !== origin.issuer || stored.api !== origin.api) {
    const detail = `The key was made by ${stored.issuer} at ${stored.api}: revoke it there, or let it expire`;
    return log.warn('key not revoked', { code: 'rotation:other-issuer', ...fields, detail });
  }
  try {
    if ((await issuer.inspect(stored.id))?.live !== true) return;
    await issuer.revoke(stored.id);
    log.info('key revoked', fields);
  } catch (error) {
    const detail = `The key can still be used; the next rotation tries again. ${redactedMessageOf(error)}`;
    log.error('revoke failed', {
      ...fields,
      detail,
      ...rotationFailed(stepContext, 'rotation:revoke-failed'),
    });
  }
}

/** Headscale's ids are small numbers, so another server has the same. */
function nameOf({ api, id }: StoredKey): string {
  return `${api} ${id}`;
}

function redactedMessageOf(error: unknown): string {
  return redact(messageOf(error));
}
