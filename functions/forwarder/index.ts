import { createSecrets } from '../../adapters/secrets/index.ts';
import { meteredLog } from '../../base/aws/emf.ts';
import { systemClock } from '../../base/clock.ts';
import { createLog } from '../../base/log.ts';
import { createAccessLog, type PortsOf } from '../../gateway/index.ts';
import type { EdgeCheck } from '../edge.ts';
import { readEnvironment } from '../environment.ts';
import { GatewayHolder } from '../holder.ts';
import { loadConfigured } from '../load.ts';
import { LogMetrics } from '../log-metrics.ts';
import type { forwarderProfile } from '../profiles.ts';
import { createForwarder } from './forwarder.ts';

// The function behind the HTTP API: loads postern.yaml while it starts, then takes each request through the gateway.

const { env } = process;
/** The longest time that Lambda's init may take. */
const initMs = 10_000;
const functionName = env.AWS_LAMBDA_FUNCTION_NAME ?? 'forwarder';
// Requests that the gateway took have their metrics in its access log; these are the others.
const log = meteredLog(
  createLog((line) => process.stdout.write(line)),
  { functionName, clock: systemClock },
  {
    request: ({ status, code }) => {
      const name = Number(status) >= 500 ? 'Errors' : 'Refusals';
      return { metric: { name, unit: 'Count' }, value: 1, code: String(code) };
    },
  },
);
const metrics = new LogMetrics(functionName, Date.now);
const ports: PortsOf<typeof forwarderProfile> = {
  clock: systemClock,
  log,
  metrics,
  secrets: createSecrets(env),
};
const finished = createAccessLog(
  (line) => process.stdout.write(line),
  () => metrics.takeMembers(),
);
const holder = new GatewayHolder(
  async () => {
    const { config, tailnet } = readEnvironment(env);
    return loadConfigured({ config, tailnet, env, ports, finished });
  },
  systemClock,
  log,
);
// Read at the same time as the configuration, whose secrets take as long.
const edgeCheck = startEdgeCheck();
const gateway = await holder.get();
// Not awaited: this process is idle while the tunnel joins, and asking for it in the first request would cost 5 ms.
gateway?.ready(initMs);

export const handler = createForwarder({ edgeCheck, gateway: () => holder.get(), clock: systemClock, log });

function startEdgeCheck(): Promise<EdgeCheck> | undefined {
  const edgeSecretId = edgeSecretOf();
  if (edgeSecretId === undefined) return undefined;
  return import('../edge-check.ts').then(({ openEdgeCheck }) => openEdgeCheck(edgeSecretId, env, log));
}

/** With a wrong environment the gateway does not load either, and everything is refused. */
function edgeSecretOf(): string | undefined {
  try {
    return readEnvironment(env).edgeSecretId;
  } catch {
    return undefined;
  }
}
