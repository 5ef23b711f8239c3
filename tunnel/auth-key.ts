import { AwsError, type AwsFailure } from '../base/aws/secrets.ts';
import { messageOf } from '../base/message-of.ts';
import { parseObject } from '../base/parse-object.ts';
import { conceal } from '../base/redact.ts';
import type { TunnelCause } from '../gateway/index.ts';
import { TunnelError } from './causes.ts';

const maxKeyChars = 512;

const causes: Readonly<Record<AwsFailure, TunnelCause>> = {
  missing: 'tunnel:secret-missing',
  forbidden: 'tunnel:secret-forbidden',
  unreachable: 'tunnel:secret-unreachable',
  misconfigured: 'tunnel:misconfigured',
};

/** Why the secret with the auth key was not read, as a cause. */
export function unreadableKey(error: unknown): TunnelError {
  if (error instanceof AwsError) return new TunnelError(causes[error.failure], error.message);
  return new TunnelError('tunnel:secret-missing', messageOf(error));
}

/**
 * The auth key in the content of a secret: the whole content, or the field `key` of a JSON object.
 *
 * @param name the name of the secret, for the message
 * @throws TunnelError, which does not quote the secret
 */
export function parseAuthKey(text: string, name: string): string {
  const trimmed = text.trim();
  const key = trimmed.startsWith('{') ? keyField(trimmed, name) : trimmed;
  conceal(key);
  if (key === '') throw malformed(name, 'it is empty');
  if (key.startsWith('tskey-client-') || key.startsWith('tskey-api-')) {
    throw malformed(
      name,
      'it contains a client secret or an API token, but a node needs an auth key to join',
    );
  }
  if (key.length > maxKeyChars || !/^[\x21-\x7e]+$/.test(key)) {
    throw malformed(name, `a key has at most ${maxKeyChars} printable characters and no space`);
  }
  return key;
}

function keyField(json: string, name: string): string {
  const fields = parseObject(json);
  if (fields === undefined) throw malformed(name, 'it begins like JSON but is not');
  if (typeof fields.key !== 'string') throw malformed(name, 'its JSON has no string in the field "key"');
  return fields.key.trim();
}

function malformed(name: string, why: string): TunnelError {
  return new TunnelError(
    'tunnel:secret-malformed',
    `The secret ${name} does not contain an auth key: ${why}. Store only the key, or {"key": "…"}.`,
  );
}
