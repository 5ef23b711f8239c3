import { conceal } from '../../base/redact.ts';
import type { Api, ApiAnswer } from '../../base/tailscale/api.ts';
import { type ApiClient, createKey, deleteKey, getKey, requestToken } from '../../base/tailscale/keys.ts';
import { isAhead, notMade, unexpected } from './api.ts';
import { RotationError } from './errors.ts';
import type { Issuer, KeyState, MadeKey } from './issuer.ts';

/**
 * Tailscale's API for keys, which Headscale speaks too from 0.30.
 *
 * Source: https://tailscale.com/api (createKey, getKey, deleteKey); scopes auth_keys and auth_keys:read.
 *
 * @param token gives the access token; called before each request
 */
export function createKeysApi(api: Api, token: () => Promise<string>): Issuer {
  return {
    async create({ tags, lifetimeMs, description }) {
      const lifetimeSeconds = Math.floor(lifetimeMs / 1_000);
      const key = { tags, reusable: true, lifetimeSeconds, description };
      return keyOf(await api(createKey(await token(), key, false)));
    },
    async inspect(id) {
      const call = getKey(await token(), id);
      const answer = await api(call);
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw unexpected(call, answer);
      return stateOf(answer);
    },
    async revoke(id) {
      const call = deleteKey(await token(), id);
      const answer = await api(call);
      if (answer.status !== 404 && (answer.status < 200 || answer.status > 299))
        throw unexpected(call, answer);
    },
  };
}

function keyOf(answer: ApiAnswer): MadeKey {
  if (answer.status !== 200) throw notMade(answer);
  const { id, key, created, expires } = answer.json;
  if (typeof key === 'string') conceal(key);
  const createdMs = Date.parse(String(created));
  const expiresMs = Date.parse(String(expires));
  if (typeof id !== 'string' || typeof key !== 'string' || !(expiresMs > createdMs)) {
    throw new RotationError(
      'rotation:unexpected',
      'The answer to making a key has no id, key, created or expires',
    );
  }
  return { id, key, createdMs, expiresMs };
}

/** Gets an access token for an OAuth client. Source: https://tailscale.com/kb/1215/oauth-clients, RFC 6749 section 4.4. */
export async function getToken(api: Api, client: ApiClient): Promise<string> {
  const call = requestToken(client);
  const answer = await api(call);
  const { access_token: token, error } = answer.json;
  // RFC 6749 section 5.2 lets a server say invalid_client with 400 as well as with 401.
  if (error === 'invalid_client')
    throw new RotationError('rotation:unauthorized', `POST ${call.path} does not know the OAuth client`);
  if (answer.status !== 200 || typeof token !== 'string' || token === '') throw unexpected(call, answer);
  conceal(token);
  return token;
}

function stateOf(answer: ApiAnswer): KeyState {
  const { invalid, revoked, expires, capabilities } = answer.json;
  const { devices } = (capabilities ?? {}) as { devices?: { create?: Record<string, unknown> } };
  const { reusable, ephemeral, preauthorized, tags } = devices?.create ?? {};
  return {
    live: invalid !== true && !isTime(revoked) && isAhead(Date.parse(String(expires)), answer),
    tags: Array.isArray(tags) ? tags.map(String) : [],
    reusable: reusable === true,
    ephemeral: ephemeral === true,
    preApproved: preauthorized === true,
  };
}

/** Go's clients write an unset time as the year 1. */
function isTime(value: unknown): boolean {
  return typeof value === 'string' && Date.parse(value) > 0;
}
