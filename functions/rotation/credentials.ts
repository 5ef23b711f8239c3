import { parseObject } from '../../base/parse-object.ts';
import { conceal } from '../../base/redact.ts';
import { RotationError } from './errors.ts';

/** What the rotation authenticates with at the issuer's API. */
export type Credentials =
  | { readonly kind: 'oauth'; readonly clientId: string; readonly clientSecret: string }
  | { readonly kind: 'api-key'; readonly apiKey: string };

/**
 * Reads the issuer's credentials: `{"clientId": "…", "clientSecret": "…"}`, `{"apiKey": "…"}`, or just an API key.
 *
 * @throws RotationError, which names the secret and does not quote it
 */
export function parseCredentials(text: string | undefined, secretId: string): Credentials {
  const trimmed = text?.trim() ?? '';
  if (trimmed === '') throw malformed(secretId, 'it has no text');
  const fields = trimmed.startsWith('{') ? parseObject(trimmed) : { apiKey: trimmed };
  if (fields === undefined) throw malformed(secretId, 'it begins like JSON but is not');
  const clientId = value(fields.clientId);
  const clientSecret = value(fields.clientSecret);
  const apiKey = value(fields.apiKey);
  if (clientSecret !== undefined) conceal(clientSecret);
  if (apiKey !== undefined) conceal(apiKey);
  if (clientId !== undefined && clientSecret !== undefined) return { kind: 'oauth', clientId, clientSecret };
  if (clientId !== undefined || clientSecret !== undefined)
    throw malformed(secretId, 'of clientId and clientSecret one is missing, or is not printable text');
  if (apiKey === undefined)
    throw malformed(secretId, 'it has neither clientId and clientSecret nor apiKey as printable text');
  if (apiKey.startsWith('tskey-auth-')) throw malformed(secretId, 'it holds an auth key, which opens no API');
  if (apiKey.startsWith('tskey-client-'))
    throw malformed(secretId, 'it holds the secret of an OAuth client without its id');
  return { kind: 'api-key', apiKey };
}

/** What a header can hold, without a space. */
function value(field: unknown): string | undefined {
  return typeof field === 'string' && /^[\x21-\x7e]{1,512}$/.test(field.trim()) ? field.trim() : undefined;
}

function malformed(secretId: string, why: string): RotationError {
  return new RotationError('rotation:credentials', `The secret ${secretId} holds no credentials: ${why}`);
}
