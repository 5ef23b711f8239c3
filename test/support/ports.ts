import { uncheckedSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import type { GatewayPorts } from '../../gateway/index.ts';
import { readTailnetPorts } from '../../gateway/upstream/tailnet/ports.ts';
import { noLog } from './gateway.ts';

/** What a host lends the gateway: real time, secrets that are not looked up, no log. What is given replaces it. */
export function testPorts(ports: Partial<GatewayPorts> = {}): GatewayPorts {
  return {
    clock: systemClock,
    log: noLog,
    secrets: uncheckedSecrets({}),
    tailnet: readTailnetPorts({}),
    ...ports,
  };
}
