import { readApiUrl } from '../../adapters/environment/tailnet.ts';
import {
  type EnvironmentVariables,
  readDuration,
  readList,
  readText,
  wrongVariable,
} from '../../base/environment.ts';

/** The variables that the rotation reads in addition to those of the tunnel. */
export const rotationVariables = {
  POSTERN_ROTATION_ISSUER: 'Who makes the keys that the rotation stores: tailscale or headscale.',
  POSTERN_ROTATION_CREDENTIALS_ID:
    "The name or ARN of the secret with the issuer's OAuth client or API key; only the rotation reads it.",
  POSTERN_ROTATION_KEY_LIFETIME:
    'How long a key is valid, as a duration; longer than the time between two rotations, 90d at most. Default: 90d.',
} as const;

const longestLifetimeMs = 90 * 86_400_000;

/** What the rotation needs to make keys. */
export interface RotationEnvironment {
  readonly issuer: 'tailscale' | 'headscale';
  /** Without a slash at its end. */
  readonly apiUrl: string;
  readonly credentialsId: string;
  /** The secret whose expiry is checked; a rotation's own event names its secret. */
  readonly secretId: string | undefined;
  readonly tags: readonly string[];
  readonly keyLifetimeMs: number;
}

/**
 * Reads the variables of the rotation.
 *
 * @throws Error naming the variable, the value got and what is expected
 */
export function readRotationEnvironment(env: EnvironmentVariables): RotationEnvironment {
  const issuer = readText(env, 'POSTERN_ROTATION_ISSUER') ?? '';
  if (issuer !== 'tailscale' && issuer !== 'headscale') {
    throw wrongVariable('POSTERN_ROTATION_ISSUER', issuer, 'tailscale or headscale');
  }
  if (issuer === 'headscale' && readText(env, 'POSTERN_TAILNET_API_URL') === undefined) {
    throw wrongVariable(
      'POSTERN_TAILNET_API_URL',
      '',
      "Headscale's URL, such as https://headscale.example.com",
    );
  }
  const credentialsId = readText(env, 'POSTERN_ROTATION_CREDENTIALS_ID');
  if (credentialsId === undefined) {
    throw wrongVariable(
      'POSTERN_ROTATION_CREDENTIALS_ID',
      '',
      "the name of the secret with the issuer's credentials",
    );
  }
  const tags = readList(env, 'POSTERN_TAILNET_TAGS');
  const odd = tags.find((tag) => !/^tag:[A-Za-z0-9][A-Za-z0-9._-]*$/.test(tag));
  // With both issuers tags own keys. A key without tags belongs to a person, and so do nodes that join with it.
  if (tags.length === 0 || odd !== undefined) {
    throw wrongVariable('POSTERN_TAILNET_TAGS', odd ?? '', "the tags of the keys, such as 'tag:postern'");
  }
  const keyLifetimeMs = readDuration(
    env,
    'POSTERN_ROTATION_KEY_LIFETIME',
    longestLifetimeMs,
    longestLifetimeMs,
  );
  if (keyLifetimeMs < 60_000) {
    const got = env.POSTERN_ROTATION_KEY_LIFETIME ?? '';
    throw wrongVariable('POSTERN_ROTATION_KEY_LIFETIME', got, 'a duration from 1m to 90d');
  }
  const secretId = readText(env, 'POSTERN_TAILNET_SECRET_ID');
  return Object.freeze({ issuer, apiUrl: readApiUrl(env), credentialsId, secretId, tags, keyLifetimeMs });
}
