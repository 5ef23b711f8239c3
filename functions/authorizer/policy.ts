import { systemClock } from '../../base/clock.ts';
import { GatewayHolder } from '../holder.ts';
import { type LoadOptions, loadConfigured } from '../load.ts';
import type { Admit } from './authorizer.ts';
import { decideBy } from './decide.ts';

/** Loads POSTERN_CONFIG for decisions on the head; admits nothing while it cannot be loaded. Never throws. */
export async function admitByPolicy(options: Omit<LoadOptions, 'headOnly'>): Promise<Admit> {
  const holder = new GatewayHolder(
    () => loadConfigured({ ...options, headOnly: true }),
    systemClock,
    options.log,
  );
  await holder.get();
  return decideBy(holder);
}
