import { createSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { PortsOf } from '../../gateway/index.ts';
import { GatewayHolder } from '../holder.ts';
import { type LoadOptions, loadConfigured } from '../load.ts';
import type { authorizerProfile } from '../profiles.ts';
import type { AccessCheck } from './authorizer.ts';
import { createPolicyCheck } from './decide.ts';

type PolicyOptions = Pick<LoadOptions, 'config' | 'tailnet' | 'env'> & { readonly log: Log };

/** Loads POSTERN_CONFIG for decisions on the head; admits nothing while it cannot be loaded. Never throws. */
export async function openPolicyCheck({ log, ...options }: PolicyOptions): Promise<AccessCheck> {
  const ports: PortsOf<typeof authorizerProfile> = {
    clock: systemClock,
    log,
    secrets: createSecrets(options.env),
  };
  const holder = new GatewayHolder(
    () => loadConfigured({ ...options, ports, headOnly: true }),
    systemClock,
    log,
  );
  await holder.get();
  return createPolicyCheck(holder);
}
