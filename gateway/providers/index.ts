import { type Index, loadNamed, type Named } from '../../base/named.ts';
import type { Provider } from './provider.ts';

/** Every provider of webhooks. To add one: its file, its test, a line here. */
const providers: Index<Provider> = {
  github: async () => (await import('./github.ts')).github,
  hmac: async () => (await import('./hmac.ts')).hmac,
  'standard-webhooks': async () => (await import('./standard-webhooks.ts')).standardWebhooks,
};

/** Loads the providers that are named. */
export function loadProviders(named: Named): Promise<readonly Provider[]> {
  return loadNamed(providers, named);
}
