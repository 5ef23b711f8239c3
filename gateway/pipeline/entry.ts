import { messageOf } from '../../base/message-of.ts';
import { type Reply, readVerdict } from '../answer/verdict.ts';
import type { Arrival } from '../plugin/plugin.ts';
import type { Log } from '../ports/log.ts';
import type { EntryStep } from './chain.ts';
import { pluginFailure } from './plugin-failure.ts';

/** Runs the plugins that judge a request before its route is known; returns the reply that ends it. */
export function runEntry(
  steps: readonly EntryStep[],
  arrival: Arrival,
  id: string,
  log: Log,
): Reply | undefined {
  for (const { plugin, onError, run } of steps) {
    let given: unknown;
    try {
      given = run(arrival);
    } catch (error) {
      const reply = pluginFailure(log, id, plugin, messageOf(error));
      if (onError === 'next') continue;
      return reply;
    }
    try {
      const verdict = readVerdict(given, false);
      if (verdict.kind === 'refuse' || verdict.kind === 'answer') return verdict;
    } catch (error) {
      return pluginFailure(log, id, plugin, `malformed verdict: ${messageOf(error)}`);
    }
  }
  return undefined;
}
