import type { Api } from '../../base/tailscale/api.ts';
import type { ApiClient } from '../../base/tailscale/keys.ts';
import type { Credentials } from './credentials.ts';
import { RotationError } from './errors.ts';
import type { Issuer } from './issuer.ts';
import { createKeysApi, getToken } from './keys-api.ts';

/**
 * Tailscale, by an OAuth client with the scope auth_keys and the tags of the keys.
 *
 * @throws RotationError when the credentials are of another kind
 */
export function createTailscale(api: Api, credentials: Credentials): Issuer {
  if (credentials.kind !== 'oauth') {
    throw new RotationError(
      'rotation:credentials',
      'Tailscale takes an OAuth client, which does not expire; the secret that POSTERN_ROTATION_CREDENTIALS_ID names holds an API key',
    );
  }
  return createKeysApi(api, tokenOf(api, credentials));
}

/** Gets the token at the first use, once a call of the function: it lives for an hour. */
export function tokenOf(api: Api, client: ApiClient): () => Promise<string> {
  let token: Promise<string> | undefined;
  return function cachedToken() {
    token ??= getToken(api, client);
    return token;
  };
}
