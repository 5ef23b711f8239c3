import type { Log } from '../../base/log.ts';
import { createApi } from './api.ts';
import { parseCredentials } from './credentials.ts';
import type { RotationEnvironment } from './environment.ts';
import { createHeadscale } from './headscale.ts';
import type { OpenIssuer } from './issuer.ts';
import type { SecretStore } from './store.ts';
import { createTailscale } from './tailscale.ts';

export interface IssuerOptions extends Pick<RotationEnvironment, 'issuer' | 'apiUrl' | 'credentialsId'> {
  readonly store: Pick<SecretStore, 'read'>;
  readonly log: Log;
  readonly now: () => number;
  /** Default: Node's own. */
  readonly fetch?: typeof globalThis.fetch;
}

const issuers = { tailscale: createTailscale, headscale: createHeadscale };

/** The credentials are read in each call of the function, so new ones count at once. */
export function openIssuer(options: IssuerOptions): OpenIssuer {
  const { issuer, apiUrl, credentialsId, store, log, now, fetch = globalThis.fetch } = options;
  return async function open(budget) {
    const text = await store.read(credentialsId, { stage: 'AWSCURRENT' });
    const api = createApi({ origin: apiUrl, budget, log, now, fetch });
    return issuers[issuer](api, parseCredentials(text, credentialsId));
  };
}
