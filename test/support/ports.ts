import { uncheckedSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import { type GatewayPorts, noMetrics } from '../../gateway/index.ts';
import { readTailnetPorts } from '../../gateway/upstream/tailnet/ports.ts';
import { noLog } from './gateway.ts';

/** What a host lends the gateway: real time, secrets that are not looked up, no log, no metrics. What is given replaces it. */
export function testPorts(ports: Partial<GatewayPorts> = {}): GatewayPorts {
  return {
    clock: systemClock,
    log: noLog,
    metrics: noMetrics,
    secrets: uncheckedSecrets({}),
    tailnet: readTailnetPorts({}),
    ...ports,
  };
}
