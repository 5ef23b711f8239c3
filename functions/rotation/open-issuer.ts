import { createIssuerApi, type IssuerApiOptions } from './api.ts';
import { parseCredentials } from './credentials.ts';
import type { RotationEnvironment } from './environment.ts';
import { createHeadscale } from './headscale.ts';
import type { OpenIssuer } from './issuer.ts';
import type { SecretStore } from './store.ts';
import { createTailscale } from './tailscale.ts';

export interface IssuerOptions
  extends Pick<RotationEnvironment, 'issuer' | 'apiUrl' | 'credentialsId'>,
    Pick<IssuerApiOptions, 'log' | 'clock' | 'send'> {
  readonly store: Pick<SecretStore, 'read'>;
}

const issuers = { tailscale: createTailscale, headscale: createHeadscale };

/** The credentials are read in each call of the function, so new ones count at once. */
export function openIssuer(options: IssuerOptions): OpenIssuer {
  const { issuer, apiUrl: origin, credentialsId, store, log, clock, send } = options;
  return async function open(budget) {
    const text = await store.read(credentialsId, { stage: 'AWSCURRENT' });
    const api = createIssuerApi({ origin, budget, log, clock, send });
    return issuers[issuer](api, parseCredentials(text, credentialsId));
  };
}
