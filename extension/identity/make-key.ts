import type { TailnetIdentity } from '../../adapters/environment/tailnet.ts';
import type { Clock } from '../../base/clock.ts';
import { conceal } from '../../base/redact.ts';
import { readAuthorities } from './authorities.ts';
import { describeToken } from './claims.ts';
import { TailnetApi } from './tailnet-api.ts';
import { getWebIdentityToken } from './web-identity.ts';

export interface IdentityParts {
  readonly identity: TailnetIdentity;
  /** What the key, and so the node, is tagged with. */
  readonly tags: readonly string[];
  readonly hostname: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of private authorities' certificates, as PEM files; it may be missing. */
  readonly extraCas: string;
  readonly clock: Clock;
}

/**
 * Makes an auth key for one join by who the role is: an identity token from AWS, an access token from the tailnet's API for
 * it, and a key for that. No token outlives this call or is stored anywhere.
 *
 * @throws TunnelError with a cause for each step, within the time
 */
export async function makeKey(parts: IdentityParts, withinMs: number): Promise<string> {
  const { identity, tags, hostname, env, extraCas, clock } = parts;
  const end = clock.monotonic() + withinMs;
  const jwt = await getWebIdentityToken(identity.audience, env, withinMs, clock);
  conceal(jwt);
  const authorities = readAuthorities(extraCas, env.SSL_CERT_FILE);
  const api = new TailnetApi(identity.apiUrl, authorities, end, clock);
  const accessToken = await api.exchange(identity.clientId, jwt, describeToken(jwt));
  conceal(accessToken);
  const key = await api.createKey(accessToken, tags, hostname);
  conceal(key);
  return key;
}
