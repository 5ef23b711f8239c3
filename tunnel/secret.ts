import { AwsError, type AwsFailure, getSecretValue } from '../base/aws/secrets.ts';
import type { Clock } from '../base/clock.ts';
import { conceal } from '../base/redact.ts';
import type { TunnelCause } from '../gateway/index.ts';
import { TunnelError } from './causes.ts';
import { patience } from './patience.ts';

const maxKeyChars = 512;

const causes: Readonly<Record<AwsFailure, TunnelCause>> = {
  missing: 'tunnel:secret-missing',
  forbidden: 'tunnel:secret-forbidden',
  unreachable: 'tunnel:secret-unreachable',
  misconfigured: 'tunnel:misconfigured',
};

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
  const options = { env, clock, ...patience(withinMs) };
  const bytes = await getSecretValue(secretId, options).catch((error: unknown) => {
    if (!(error instanceof AwsError)) throw error;
    throw new TunnelError(causes[error.failure], error.message);
  });
  return parseAuthKey(Buffer.from(bytes).toString('utf8'), secretId);
}

/**
 * The auth key in a secret's text: the text itself, or the field `key` of a JSON object.
 *
 * @throws TunnelError, which does not quote the secret
 */
export function parseAuthKey(text: string, secretId: string): string {
  const trimmed = text.trim();
  const key = trimmed.startsWith('{') ? keyField(trimmed, secretId) : trimmed;
  conceal(key);
  if (key === '') throw malformed(secretId, 'it is empty');
  if (key.startsWith('tskey-client-') || key.startsWith('tskey-api-')) {
    throw malformed(secretId, 'it holds a client secret or an API token, with which no node can join');
  }
  if (key.length > maxKeyChars || !/^[\x21-\x7e]+$/.test(key)) {
    throw malformed(secretId, `a key has at most ${maxKeyChars} printable characters and no space`);
  }
  return key;
}

function keyField(json: string, secretId: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    // Not the parser's own error: it quotes the text.
    throw malformed(secretId, 'it begins like JSON but is not');
  }
  if (typeof fields.key !== 'string') throw malformed(secretId, 'its JSON has no text in the field "key"');
  return fields.key.trim();
}

function malformed(secretId: string, why: string): TunnelError {
  return new TunnelError(
    'tunnel:secret-malformed',
    `The secret ${secretId} holds no auth key: ${why}. Store only the key, or {"key": "…"}.`,
  );
}
