import { readFileSync } from 'node:fs';
import { FederationApi } from '../../support/federation-api.ts';
import { WebIdentity } from '../../support/web-identity.ts';
import type { Lab } from './lab.ts';
import { hubAddress } from './network.ts';

/** What joins a function by who its role is: AWS STS and the tailnet's API, both strict, and keys of the real Headscale. */
export interface Federation {
  readonly sts: WebIdentity;
  /** Over HTTPS, with a certificate of the lab's authority, as the control server. */
  readonly api: FederationApi;
  /** The environment of a function that joins by it, over that of one with a stored key. */
  readonly env: Readonly<Record<string, string>>;
  stop(): void;
}

export async function startFederation({ pki, headscale }: Lab): Promise<Federation> {
  // As in the environment of every sandbox.
  const sts = await new WebIdentity({ accessKeyId: 'AKIALAB', secretAccessKey: 'lab' }).start(hubAddress);
  const api = await new FederationApi({
    sts,
    tls: { key: readFileSync(pki.key), cert: readFileSync(pki.certificate) },
    async makeKey({ reusable, ephemeral, tags, expirySeconds }) {
      const { key } = await headscale.createKey({
        reusable,
        ephemeral,
        tags,
        validMs: expirySeconds * 1_000,
      });
      return key;
    },
  }).start(hubAddress);
  const env = {
    POSTERN_TAILNET_SECRET_ID: '',
    POSTERN_TAILNET_CLIENT_ID: api.identity.clientId,
    POSTERN_TAILNET_AUDIENCE: api.identity.audience,
    POSTERN_TAILNET_API_URL: api.url,
    POSTERN_TAILNET_TAGS: api.identity.tags.join(),
    AWS_ENDPOINT_URL_STS: sts.url,
  };
  const stop = () => {
    sts.close();
    api.close();
  };
  return { sts, api, env, stop };
}
