import { conceal } from '../../base/redact.ts';
import { type Api, type ApiAnswer, isAhead } from './api.ts';
import { RotationError } from './errors.ts';
import type { Issuer } from './issuer.ts';

const path = '/api/v1/preauthkey';

interface PreAuthKey {
  readonly id: string;
  readonly key?: string;
  readonly reusable?: boolean;
  readonly ephemeral?: boolean;
  readonly expiration: string;
  readonly createdAt: string;
  readonly aclTags?: readonly string[];
}

/**
 * Headscale's own API for keys, with an API key.
 *
 * A node that joins with such a key is approved. Keys have no description, and there is no way to ask for a single key.
 * Source: https://headscale.net/stable/ref/api, proto/headscale/v1/preauthkey.proto.
 */
export function createPreAuthKeys(api: Api, apiKey: string): Issuer {
  async function list(): Promise<{ keys: readonly PreAuthKey[]; answer: ApiAnswer }> {
    const answer = await api({ method: 'GET', path, token: apiKey, repeatable: true });
    const { preAuthKeys } = (answer.json ?? {}) as { preAuthKeys?: readonly PreAuthKey[] };
    if (answer.status !== 200 || !Array.isArray(preAuthKeys)) throw unexpected(`GET ${path}`, answer.status);
    return { keys: preAuthKeys, answer };
  }

  return {
    async create({ tags, lifetimeMs }) {
      // The request names a moment, not a duration: by the server's clock, which may not be ours.
      const { serverTimeMs } = (await list()).answer;
      const expiration = new Date(serverTimeMs + lifetimeMs).toISOString();
      const json = { reusable: true, ephemeral: true, expiration, aclTags: tags };
      const answer = await api({ method: 'POST', path, token: apiKey, json, repeatable: false });
      if (answer.status !== 200) {
        const { message } = (answer.json ?? {}) as { message?: unknown };
        const words = typeof message === 'string' ? `: ${JSON.stringify(message.slice(0, 200))}` : '';
        throw new RotationError('rotation:refused', `Headscale made no key (${answer.status}${words})`);
      }
      const { preAuthKey } = (answer.json ?? {}) as { preAuthKey?: Partial<PreAuthKey> };
      const { id, key, createdAt } = preAuthKey ?? {};
      if (key !== undefined) conceal(key);
      if (id === undefined || key === undefined || key === '')
        throw unexpected(`POST ${path}`, answer.status);
      const expiresMs = Date.parse(preAuthKey?.expiration ?? expiration);
      return {
        id: String(id),
        key,
        createdMs: Date.parse(createdAt ?? '') || answer.serverTimeMs,
        expiresMs,
      };
    },
    async inspect(id) {
      const { keys, answer } = await list();
      const found = keys.find((one) => String(one.id) === id);
      if (found === undefined) return undefined;
      return {
        live: isAhead(Date.parse(found.expiration), answer),
        tags: found.aclTags ?? [],
        reusable: found.reusable === true,
        ephemeral: found.ephemeral === true,
        preApproved: true,
      };
    },
    async revoke(id) {
      // Expired, not deleted: Headscale treats a node as ephemeral because of its key, and would keep nodes without a key forever.
      const answer = await api({
        method: 'POST',
        path: `${path}/expire`,
        token: apiKey,
        json: { id },
        repeatable: true,
      });
      if (answer.status !== 200 && answer.status !== 404)
        throw unexpected(`POST ${path}/expire`, answer.status);
    },
  };
}

function unexpected(call: string, status: number): RotationError {
  return new RotationError('rotation:unexpected', `${call} answered ${status} in a form that is not known`);
}
