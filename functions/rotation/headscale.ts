import type { Api } from '../../base/tailscale/api.ts';
import { getKey } from '../../base/tailscale/keys.ts';
import type { Credentials } from './credentials.ts';
import type { Issuer } from './issuer.ts';
import { createKeysApi } from './keys-api.ts';
import { createPreAuthKeys } from './pre-auth-keys.ts';
import { tokenOf } from './tailscale.ts';

/**
 * Headscale, by an API key or, from 0.30, by an OAuth client.
 *
 * The server is asked at the first use which API it has: 0.30 answers for a key that does not exist with the body of an
 * error of Tailscale's (`{"message"}`), older ones have nothing below /api/v2. OAuth clients exist only in the newer one.
 */
export function createHeadscale(api: Api, credentials: Credentials): Issuer {
  if (credentials.kind === 'oauth') return createKeysApi(api, tokenOf(api, credentials));
  const { apiKey } = credentials;
  let chosen: Promise<Issuer> | undefined;

  async function choose(): Promise<Issuer> {
    const { json } = await api(getKey(apiKey, '0'));
    return typeof json.message === 'string'
      ? createKeysApi(api, async () => apiKey)
      : createPreAuthKeys(api, apiKey);
  }

  function issuer(): Promise<Issuer> {
    chosen ??= choose();
    return chosen;
  }

  return {
    create: async (wanted) => (await issuer()).create(wanted),
    inspect: async (id) => (await issuer()).inspect(id),
    revoke: async (id) => (await issuer()).revoke(id),
  };
}
