import type { TailnetEnvironment } from '../adapters/environment/tailnet.ts';
import type { Clock } from '../base/clock.ts';
import type { KeySource } from '../tunnel/settings.ts';
import { readAuthKey } from './secret.ts';

/**
 * The source that the settings name: the secret, or an identity token of the role.
 *
 * @param extraCas the folder of private authorities' certificates, for the API of the tailnet
 */
export function keySource(
  settings: TailnetEnvironment,
  env: NodeJS.ProcessEnv,
  extraCas: string,
  clock: Clock,
): KeySource {
  const { identity, secretId, tags, hostname } = settings;
  if (identity === undefined)
    return { oneOff: false, read: (withinMs) => readAuthKey(secretId, env, withinMs, clock) };
  return {
    oneOff: true,
    // Loaded only here, so that a join with a stored key does not wait for it.
    read: async (withinMs) => {
      const end = clock.monotonic() + withinMs;
      const { makeKey } = await import('./identity/make-key.ts');
      return makeKey({ identity, tags, hostname, env, extraCas, clock }, end - clock.monotonic());
    },
  };
}
