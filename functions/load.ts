import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Gateway, type GatewayPorts, loadGateway, type PortsOf } from '../gateway/index.ts';
import type { authorizerProfile, forwarderProfile } from './profiles.ts';

export interface LoadOptions extends Pick<GatewayPorts, 'tailnet' | 'headOnly' | 'finished'> {
  /** POSTERN_CONFIG; relative to the function's own folder. */
  readonly config: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ports: PortsOf<typeof authorizerProfile> | PortsOf<typeof forwarderProfile>;
}

/**
 * Loads the gateway that POSTERN_CONFIG names.
 *
 * @throws Error or InvalidConfiguration that says what is wrong and what to do
 */
export async function loadConfigured(options: LoadOptions): Promise<Gateway> {
  const { config, env, ports, ...further } = options;
  if (config === undefined)
    throw new Error(
      'POSTERN_CONFIG is not set; set it to the path of postern.yaml (or postern.json) beside the function',
    );
  const path = resolve(env.LAMBDA_TASK_ROOT ?? '.', config);
  const text = readConfiguration(config, path);
  const { gateway } = await loadGateway(
    { file: config, text },
    {
      ...ports,
      ...further,
      // Set by Lambda itself, and by nobody else.
      sandboxed: env.AWS_LAMBDA_FUNCTION_NAME !== undefined,
    },
  );
  return gateway;
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
