import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecrets } from '../adapters/secrets/index.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import {
  createAccessLog,
  type Gateway,
  loadGateway,
  type PortsOf,
  type TailnetPorts,
} from '../gateway/index.ts';
import { LogMetrics } from './log-metrics.ts';
import type { authorizerProfile, forwarderProfile } from './profiles.ts';

export interface LoadOptions {
  /** POSTERN_CONFIG; relative to the function's own folder. */
  readonly config: string | undefined;
  readonly tailnet: TailnetPorts;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly headOnly: boolean;
}

/**
 * Loads the gateway that POSTERN_CONFIG names.
 *
 * @throws Error or InvalidConfiguration that says what is wrong and what to do
 */
export async function loadConfigured(options: LoadOptions): Promise<Gateway> {
  const { config, tailnet, env, log, headOnly } = options;
  if (config === undefined)
    throw new Error(
      'POSTERN_CONFIG is not set; set it to the path of postern.yaml (or postern.json) beside the function',
    );
  const path = resolve(env.LAMBDA_TASK_ROOT ?? '.', config);
  const text = readConfiguration(config, path);
  const metrics = new LogMetrics(env.AWS_LAMBDA_FUNCTION_NAME ?? 'forwarder', Date.now);
  const { gateway } = await loadGateway(
    { file: config, text },
    {
      ...portsFor(headOnly, metrics, { clock: systemClock, log, secrets: createSecrets(env) }),
      tailnet,
      headOnly,
      // Set by Lambda itself, and by nobody else.
      sandboxed: env.AWS_LAMBDA_FUNCTION_NAME !== undefined,
      finished: createAccessLog(
        (line) => process.stdout.write(line),
        () => metrics.takeMembers(),
      ),
    },
  );
  return gateway;
}

function portsFor(
  headOnly: boolean,
  metrics: LogMetrics,
  ports: PortsOf<typeof authorizerProfile>,
): PortsOf<typeof authorizerProfile> | PortsOf<typeof forwarderProfile> {
  return headOnly ? ports : { ...ports, metrics };
}

/** Not by node:fs/promises, which costs a cold start 4 ms; nothing else could run in that time. */
function readConfiguration(config: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `POSTERN_CONFIG is ${JSON.stringify(config)}; ${path} cannot be read (${code}): put the file into the function's bundle`,
    );
  }
}
