import { everything, type Index, loadNamed, type Named } from '../../base/named.ts';
import type { Plugin } from '../plugin/plugin.ts';
import { loadProviders } from '../providers/index.ts';

/** Every plugin. To add one: its file, its test, its page, its line here. */
const plugins: Index<Plugin> = {
  'source-ip': async () => (await import('./source-ip.ts')).sourceIp,
  'size-limit': async () => (await import('./size-limit.ts')).sizeLimit,
  webhook: async (named) => (await import('./webhook.ts')).webhook(await loadProviders(named)),
  authorize: async () => (await import('./authorize.ts')).authorize,
  'request-headers': async () => (await import('./request-headers.ts')).requestHeaders,
  'response-headers': async () => (await import('./response-headers.ts')).responseHeaders,
};

/** Loads the plugins that are named. */
export function loadPlugins(named: Named): Promise<readonly Plugin[]> {
  return loadNamed(plugins, named);
}

/** Loads all plugins, for messages that say what there is; those at hand where a bundle has no others. */
export async function loadAllPlugins(atHand: readonly Plugin[]): Promise<readonly Plugin[]> {
  try {
    return await loadPlugins(everything);
  } catch {
    return atHand;
  }
}
