import type { ApiCall } from './api.ts';

// The calls of Tailscale's API that make auth keys. Headscale from 0.30 and compatible servers accept them too.
// Sources: https://tailscale.com/api (createKey, getKey, deleteKey), https://tailscale.com/kb/1215/oauth-clients,
// https://tailscale.com/docs/reference/trust-credentials.

/** The client: an OAuth client with its secret (RFC 6749 section 4.4), or a federated identity with a token of its identity provider. */
export type ApiClient =
  | { readonly clientId: string; readonly clientSecret: string }
  | { readonly clientId: string; readonly jwt: string };

export interface KeyRequest {
  readonly tags: readonly string[];
  readonly reusable: boolean;
  readonly lifetimeSeconds: number;
  /** Any text; characters that the API does not accept are replaced. */
  readonly description: string;
}

/** The tailnet of the token; Headscale has only one. */
const keysPath = '/api/v2/tailnet/-/keys';

/** Answered with 200 and `access_token`, which is valid for an hour. */
export function requestToken(client: ApiClient): ApiCall {
  const { clientId: client_id } = client;
  const [path, form] =
    'jwt' in client
      ? ['/api/v2/oauth/token-exchange', { client_id, jwt: client.jwt }]
      : [
          '/api/v2/oauth/token',
          { grant_type: 'client_credentials', client_id, client_secret: client.clientSecret },
        ];
  return { method: 'POST', path, form, repeatable: true };
}

/** Makes an ephemeral, approved key; answered with 200 and `id`, `key`, `created`, `expires`. Scope auth_keys. */
export function createKey(token: string, key: KeyRequest, repeatable: boolean): ApiCall {
  const { tags, reusable, lifetimeSeconds, description } = key;
  const create = { reusable, ephemeral: true, preauthorized: true, tags };
  const json = {
    capabilities: { devices: { create } },
    expirySeconds: lifetimeSeconds,
    // Letters, digits, hyphens and spaces, 50 at most.
    description: description.replace(/[^A-Za-z0-9 -]/g, '-').slice(0, 50),
  };
  return { method: 'POST', path: keysPath, token, json, repeatable };
}

/** Scope auth_keys:read. */
export function getKey(token: string, id: string): ApiCall {
  return { method: 'GET', path: `${keysPath}/${encodeURIComponent(id)}`, token, repeatable: true };
}

/** Scope auth_keys. */
export function deleteKey(token: string, id: string): ApiCall {
  return { method: 'DELETE', path: `${keysPath}/${encodeURIComponent(id)}`, token, repeatable: true };
}
