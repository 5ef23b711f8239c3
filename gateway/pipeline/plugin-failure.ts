import { gatewayRefusals } from '../answer/refusal.ts';
import type { Refusal } from '../answer/verdict.ts';
import type { Log } from '../ports/log.ts';

/** Logs that a plugin failed on the request with this id; returns the refusal for it. */
export function pluginFailure(log: Log, id: string, plugin: string, message: string): Refusal {
  log.error('plugin-error', { id, plugin, error: message });
  return gatewayRefusals.error(`${plugin}: ${message}`);
}
