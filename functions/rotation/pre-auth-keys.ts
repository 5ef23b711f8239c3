import { conceal } from '../../base/redact.ts';
import type { Api, ApiAnswer, ApiCall } from '../../base/tailscale/api.ts';
import { isAhead, notMade, unexpected } from './api.ts';
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
    const call: ApiCall = { method: 'GET', path, token: apiKey, repeatable: true };
    const answer = await api(call);
    const { preAuthKeys } = answer.json as { preAuthKeys?: readonly PreAuthKey[] };
    if (answer.status !== 200 || !Array.isArray(preAuthKeys)) throw unexpected(call, answer);
    return { keys: preAuthKeys, answer };
  }

  return {
    async create({ tags, lifetimeMs }) {
      // The request names a moment, not a duration: by the server's clock, which may not be ours.
      const { serverTimeMs } = (await list()).answer;
      const expiration = new Date(serverTimeMs + lifetimeMs).toISOString();
      const json = { reusable: true, ephemeral: true, expiration, aclTags: tags };
      const call: ApiCall = { method: 'POST', path, token: apiKey, json, repeatable: false };
      const answer = await api(call);
      if (answer.status !== 200) throw notMade(answer);
      const { preAuthKey } = answer.json as { preAuthKey?: Partial<PreAuthKey> };
      const { id, key, createdAt } = preAuthKey ?? {};
      if (key !== undefined) conceal(key);
      if (id === undefined || key === undefined || key === '') throw unexpected(call, answer);
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
      const call: ApiCall = {
        ...{ method: 'POST', path: `${path}/expire`, token: apiKey },
        ...{ json: { id }, repeatable: true },
      };
      const answer = await api(call);
      if (answer.status !== 200 && answer.status !== 404) throw unexpected(call, answer);
    },
  };
}
