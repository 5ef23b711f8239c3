import { parseObject } from '../../base/parse-object.ts';
import { conceal } from '../../base/redact.ts';
import type { MadeKey } from './issuer.ts';

/** A key as stored in a version of the secret. The extension reads only `key`. */
export interface StoredKey extends MadeKey {
  /** Who made it: another issuer, or the same at another address, cannot revoke it. */
  readonly issuer: string;
  readonly api: string;
}

export function writeStoredKey(stored: StoredKey, tags: readonly string[]): string {
  const { key, id, issuer, api, createdMs, expiresMs } = stored;
  const created = new Date(createdMs).toISOString();
  const expires = new Date(expiresMs).toISOString();
  return JSON.stringify({ key, id, issuer, api, tags, created, expires });
}

/** The key in a version's text, or undefined when this rotation did not make it: a key put there by hand, a placeholder. */
export function readStoredKey(text: string | undefined): StoredKey | undefined {
  if (text === undefined || !text.startsWith('{')) return undefined;
  const fields = parseObject(text);
  if (fields === undefined) return undefined;
  const { key, id, issuer, api } = fields;
  const createdMs = Date.parse(String(fields.created));
  const expiresMs = Date.parse(String(fields.expires));
  if (
    typeof key !== 'string' ||
    typeof id !== 'string' ||
    typeof issuer !== 'string' ||
    typeof api !== 'string'
  )
    return undefined;
  if (Number.isNaN(createdMs) || Number.isNaN(expiresMs)) return undefined;
  conceal(key);
  return { key, id, issuer, api, createdMs, expiresMs };
}
