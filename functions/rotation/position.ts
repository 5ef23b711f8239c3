import { RotationError } from './errors.ts';
import type { SecretShape } from './store.ts';

/** How far a rotation has come. */
export interface Position {
  /** `done`: the version is current already, so that only the keys of other versions are left to do. */
  readonly state: 'pending' | 'done';
  readonly current: string | undefined;
  readonly previous: string | undefined;
}

/**
 * Finds out how far the rotation of this version has come, and refuses what is not a rotation.
 *
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html: a version that is
 * AWSCURRENT has been rotated; only the version that is AWSPENDING may be.
 *
 * @throws RotationError when the secret is not rotated, or the token is not its pending version
 */
export function findPosition(shape: SecretShape, secretId: string, token: string): Position {
  if (!shape.rotationEnabled)
    throw new RotationError('rotation:not-enabled', `The secret ${secretId} has no rotation`);
  const [current, previous, pending] = ['AWSCURRENT', 'AWSPREVIOUS', 'AWSPENDING'].map((stage) =>
    versionWith(shape, stage),
  );
  if (token === current) return { state: 'done', current, previous };
  if (token === pending) return { state: 'pending', current, previous };
  if (pending !== undefined && pending !== current) {
    throw new RotationError(
      'rotation:unfinished',
      `The version ${token} is not to be rotated: AWSPENDING is on ${pending}, of an earlier rotation that was not finished`,
    );
  }
  const known = Object.hasOwn(shape.stages, token)
    ? 'is not AWSPENDING'
    : 'is not a version of the secret, or was given up';
  throw new RotationError('rotation:stale', `The version ${token} of ${secretId} ${known}`);
}

function versionWith({ stages }: SecretShape, stage: string): string | undefined {
  return Object.keys(stages).find((version) => stages[version]?.includes(stage));
}
