import type { Issuer } from './issuer.ts';
import { rotationFailed } from './metrics.ts';
import { redact } from './redact.ts';
import { readStoredKey, type StoredKey } from './stored-key.ts';
import type { Workshop } from './workshop.ts';

/**
 * Revokes the keys of all versions without a label: the one before the previous, and what earlier rotations left.
 *
 * Never throws: the new key is current whatever happens here. What fails is told and is tried again at the next rotation.
 *
 * @param leaving versions that have just lost their last label, in case AWS has deleted them already
 */
export async function retire(
  workshop: Workshop,
  issuer: Issuer,
  secretId: string,
  leaving: readonly string[],
): Promise<void> {
  const { store, log, now } = workshop;
  try {
    const { stages } = await store.describe(secretId);
    const labelled = Object.keys(stages).filter((version) => (stages[version] ?? []).length > 0);
    const kept = new Set<string>();
    for (const version of labelled) {
      const stored = readStoredKey(await store.read(secretId, { id: version }));
      if (stored !== undefined) kept.add(stored.id);
    }
    const versions = new Set([...leaving, ...(await store.unlabelled(secretId))]);
    for (const version of versions) {
      if (labelled.includes(version)) continue;
      const text = await store.read(secretId, { id: version });
      const stored = readStoredKey(text);
      if (stored === undefined) {
        if (text !== undefined && leaving.includes(version)) tellForeign(workshop, version);
      } else if (stored.expiresMs > now() && !kept.has(stored.id)) {
        await revoke(workshop, issuer, version, stored);
      }
    }
  } catch (error) {
    const detail = `Old keys could not be looked for; the next rotation tries again. ${messageOf(error)}`;
    log.error('revoke failed', { detail, ...rotationFailed(workshop, 'rotation:revoke-failed') });
  }
}

async function revoke(workshop: Workshop, issuer: Issuer, version: string, stored: StoredKey): Promise<void> {
  const { log, origin } = workshop;
  const fields = { version, key: stored.id };
  if (stored.issuer !== origin.issuer || stored.api !== origin.api) {
    const detail = `The key was made by ${stored.issuer} at ${stored.api}: revoke it there, or let it expire`;
    return log.warn('key not revoked', { code: 'rotation:other-issuer', ...fields, detail });
  }
  try {
    await issuer.revoke(stored.id);
    log.info('key revoked', fields);
  } catch (error) {
    const detail = `The key can still be used; the next rotation tries again. ${messageOf(error)}`;
    log.error('revoke failed', { ...fields, detail, ...rotationFailed(workshop, 'rotation:revoke-failed') });
  }
}

function tellForeign({ log }: Workshop, version: string): void {
  const detail =
    'The version before the previous one holds a value that the rotation did not make: if it is a key, revoke it by hand';
  log.warn('key not revoked', { code: 'rotation:foreign', version, detail });
}

function messageOf(error: unknown): string {
  return redact(error instanceof Error ? error.message : String(error));
}
