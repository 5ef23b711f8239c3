import { conceal } from '../../base/redact.ts';
import { type Api, type ApiAnswer, isAhead } from './api.ts';
import { RotationError } from './errors.ts';
import type { Issuer, KeyState } from './issuer.ts';

/** The tailnet that the token belongs to; Headscale has no other. */
const keysPath = '/api/v2/tailnet/-/keys';

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
      const answer = await api({
        method: 'POST',
        path: keysPath,
        token: await token(),
        json: {
          capabilities: {
            devices: { create: { reusable: true, ephemeral: true, preauthorized: true, tags } },
          },
          expirySeconds: Math.floor(lifetimeMs / 1_000),
          description,
        },
        repeatable: false,
      });
      if (answer.status !== 200) {
        const { message } = (answer.json ?? {}) as { message?: unknown };
        const words = typeof message === 'string' ? `: ${JSON.stringify(message.slice(0, 200))}` : '';
        throw new RotationError('rotation:refused', `The issuer made no key (${answer.status}${words})`);
      }
      const { id, key, created, expires } = (answer.json ?? {}) as Record<string, unknown>;
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
    },
    async inspect(id) {
      const path = `${keysPath}/${encodeURIComponent(id)}`;
      const answer = await api({ method: 'GET', path, token: await token(), repeatable: true });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw unexpected('GET', path, answer.status);
      return stateOf(answer);
    },
    async revoke(id) {
      const path = `${keysPath}/${encodeURIComponent(id)}`;
      const answer = await api({ method: 'DELETE', path, token: await token(), repeatable: true });
      if (answer.status !== 404 && (answer.status < 200 || answer.status > 299))
        throw unexpected('DELETE', path, answer.status);
    },
  };
}

/** Gets an access token for an OAuth client. Source: https://tailscale.com/kb/1215/oauth-clients, RFC 6749 section 4.4. */
export async function getToken(
  api: Api,
  client: { readonly clientId: string; readonly clientSecret: string },
): Promise<string> {
  const path = '/api/v2/oauth/token';
  const form = {
    grant_type: 'client_credentials',
    client_id: client.clientId,
    client_secret: client.clientSecret,
  };
  const answer = await api({ method: 'POST', path, form, repeatable: true });
  const { access_token: token, error } = (answer.json ?? {}) as { access_token?: unknown; error?: unknown };
  // RFC 6749 section 5.2 lets a server say invalid_client with 400 as well as with 401.
  if (error === 'invalid_client')
    throw new RotationError('rotation:unauthorized', `POST ${path} does not know the OAuth client`);
  if (answer.status !== 200 || typeof token !== 'string' || token === '')
    throw unexpected('POST', path, answer.status);
  conceal(token);
  return token;
}

function stateOf(answer: ApiAnswer): KeyState {
  const { invalid, revoked, expires, capabilities } = (answer.json ?? {}) as Record<string, unknown>;
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

function unexpected(method: string, path: string, status: number): RotationError {
  return new RotationError('rotation:unexpected', `${method} ${path} answered ${status}`);
}
