import { RotationError } from './errors.ts';
import type { Issuer, KeyState } from './issuer.ts';
import { keyDaysLeft } from './metrics.ts';
import { findPosition } from './position.ts';
import { retire, type UnlabelledVersion } from './retire.ts';
import type { Rotation, StepContext } from './step-context.ts';
import { readStoredKey, type StoredKey, writeStoredKey } from './stored-key.ts';

/** How long to wait before the issuer is asked again about a key that it does not know. */
const secondLookMs = 1_000;
const dayMs = 86_400_000;

/** Makes a key and stores it as AWSPENDING. Once a version has a value, calling it again makes no other key. */
export async function createSecret(stepContext: StepContext, { secretId, token }: Rotation): Promise<void> {
  const { store, log, wanted, origin } = stepContext;
  const shape = await store.describe(secretId);
  if (findPosition(shape, secretId, token).state === 'done') return;
  const there = await store.read(secretId, { id: token });
  if (readStoredKey(there) !== undefined) return log.info('key is there', { version: token });
  if (there !== undefined) {
    throw new RotationError(
      'rotation:foreign',
      `The version ${token} of ${secretId} has a value that the rotation did not make`,
    );
  }
  const everyMs = (shape.rotateEveryDays ?? 0) * dayMs;
  if (everyMs >= wanted.lifetimeMs) {
    const detail = `Keys live for ${wanted.lifetimeMs / dayMs} days and are rotated every ${shape.rotateEveryDays}: rotate more often, or set POSTERN_ROTATION_KEY_LIFETIME higher`;
    log.warn('keys do not overlap', { code: 'rotation:overlap', detail });
  }
  const issuer = await stepContext.open(stepContext.budget);
  const made = await issuer.create({ ...wanted, description: `postern rotation ${token.slice(0, 8)}` });
  const stored = { ...made, ...origin };
  try {
    await store.putPending(secretId, token, writeStoredKey(stored, wanted.tags));
  } catch (error) {
    await takeBack(stepContext, issuer, stored, { secretId, token }, error);
  }
  log.info('key made', { version: token, key: made.id, expires: new Date(made.expiresMs).toISOString() });
}

/** Nothing to set: the control server knows the key since it made it. */
export async function setSecret({ store, log }: StepContext, { secretId, token }: Rotation): Promise<void> {
  findPosition(await store.describe(secretId), secretId, token);
  log.info('nothing to set', { version: token, detail: 'The control server knows the key since it made it' });
}

/**
 * Asks the issuer whether the pending key is live and is what was wanted. Otherwise the key is given up.
 *
 * A version without a key of ours is what AWS makes to try a new rotation without rotating (RotateSecret with
 * RotateImmediately false calls only this step): then it tries whether the issuer accepts the credentials.
 */
export async function testSecret(stepContext: StepContext, { secretId, token }: Rotation): Promise<void> {
  const { store, log } = stepContext;
  if (findPosition(await store.describe(secretId), secretId, token).state === 'done') return;
  const stored = readStoredKey(await store.read(secretId, { id: token }));
  const issuer = await stepContext.open(stepContext.budget);
  if (stored === undefined) {
    await issuer.inspect('0');
    return log.info('credentials work', { version: token, detail: 'The version has no key to test yet' });
  }
  await examine(stepContext, issuer, stored, { secretId, token });
  log.info('key tested', { version: token, key: stored.id });
}

/** Makes the pending version current, and revokes the keys of versions that have lost their labels by it or before. */
export async function finishSecret(stepContext: StepContext, { secretId, token }: Rotation): Promise<void> {
  const { store, log } = stepContext;
  const { state, current, previous } = findPosition(await store.describe(secretId), secretId, token);
  const issuer = await stepContext.open(stepContext.budget);
  let unlabelled: UnlabelledVersion | undefined;
  if (state === 'pending') {
    const stored = readStoredKey(await store.read(secretId, { id: token }));
    if (stored === undefined) {
      throw new RotationError(
        'rotation:no-key',
        `The version ${token} of ${secretId} has no key that could become current`,
      );
    }
    // Once more, because the steps may come in any order and only a live key may become current.
    await examine(stepContext, issuer, stored, { secretId, token });
    if (previous !== undefined)
      unlabelled = { version: previous, text: await store.read(secretId, { id: previous }) };
    await store.moveStage(secretId, 'AWSCURRENT', current, token);
    const metric = keyDaysLeft(stepContext, (stored.expiresMs - stepContext.clock.now()) / dayMs);
    log.info('key promoted', { version: token, key: stored.id, ...metric });
  }
  await retire(stepContext, issuer, secretId, unlabelled);
}

async function examine(
  stepContext: StepContext,
  issuer: Issuer,
  stored: StoredKey,
  { secretId, token }: Rotation,
): Promise<void> {
  const state = await lookTwice(stepContext, issuer, stored.id);
  if (state === undefined || !state.live) {
    await giveUp(stepContext, issuer, stored, { secretId, token });
    const why = state === undefined ? 'is not known to the issuer' : 'was revoked or has expired';
    throw new RotationError('rotation:key-dead', `The pending key ${stored.id} ${why}`);
  }
  const wrong = differences(state, stepContext.wanted.tags);
  if (wrong.length === 0) return;
  await giveUp(stepContext, issuer, stored, { secretId, token });
  throw new RotationError('rotation:key-wrong', `The pending key ${stored.id} ${wrong.join(', ')}`);
}

async function lookTwice({ clock }: StepContext, issuer: Issuer, id: string): Promise<KeyState | undefined> {
  const state = await issuer.inspect(id);
  if (state !== undefined) return state;
  await clock.sleep(secondLookMs);
  return issuer.inspect(id);
}

function differences(state: KeyState, tags: readonly string[]): readonly string[] {
  return [
    ...tags.filter((tag) => !state.tags.includes(tag)).map((tag) => `has no ${tag}`),
    ...state.tags.filter((tag) => !tags.includes(tag)).map((tag) => `has ${tag}, which is not wanted`),
    ...(state.reusable ? [] : ['is not reusable']),
    ...(state.ephemeral ? [] : ['is not ephemeral']),
    ...(state.preApproved ? [] : ['is not pre-approved']),
  ];
}

/** A version's value cannot be changed, and a version that stays AWSPENDING blocks every other rotation. */
async function giveUp(
  { store, log }: StepContext,
  issuer: Issuer,
  stored: StoredKey,
  { secretId, token }: Rotation,
): Promise<void> {
  await issuer.revoke(stored.id);
  await store.moveStage(secretId, 'AWSPENDING', token, undefined);
  log.warn('version given up', { version: token, key: stored.id });
}

/** After a failed store: returns if the version has a key anyway, otherwise revokes this one and throws. */
async function takeBack(
  { store, log }: StepContext,
  issuer: Issuer,
  stored: StoredKey,
  { secretId, token }: Rotation,
  error: unknown,
): Promise<void> {
  const there = readStoredKey(await store.read(secretId, { id: token }).catch(() => undefined));
  if (there?.id === stored.id) return;
  try {
    await issuer.revoke(stored.id);
  } catch (failure) {
    const detail = `The key ${stored.id} was made, could not be stored and could not be revoked; nobody has it. Revoke it by hand, or let it expire. ${(failure as Error).message}`;
    log.error('key left over', { code: 'rotation:revoke-failed', key: stored.id, detail });
  }
  // Another call for the same version was faster, so there is a key.
  if (there === undefined) throw error;
}
