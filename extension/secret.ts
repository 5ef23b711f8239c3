import { AwsError, getSecretValue } from '../base/aws/secrets.ts';
import type { Clock } from '../base/clock.ts';
import { parseAuthKey, unreadableKey } from '../tunnel/auth-key.ts';
import { TunnelError } from '../tunnel/causes.ts';

/**
 * Reads the auth key from Secrets Manager: the version that is AWSCURRENT.
 *
 * The secret is just the key, or a JSON object with the key in `key` and anything else beside it.
 *
 * @param env the region, the credentials and the endpoint, by the names that AWS's own SDKs use
 * @throws TunnelError
 */
export async function readAuthKey(
  secretId: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  withinMs: number,
  clock: Clock,
): Promise<string> {
  if (secretId === undefined) {
    throw new TunnelError(
      'tunnel:misconfigured',
      'POSTERN_TAILNET_SECRET_ID is not set: name the secret that holds the auth key, or set POSTERN_TAILNET_CLIENT_ID to join ' +
        'by the identity of the role.',
    );
  }
  const bytes = await getSecretValue(secretId, { env, clock, withinMs }).catch((error: unknown) => {
    if (!(error instanceof AwsError)) throw error;
    throw unreadableKey(error);
  });
  return parseAuthKey(Buffer.from(bytes).toString('utf8'), secretId);
}
