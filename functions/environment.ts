import { readTailnet, type TailnetEnvironment } from '../adapters/environment/tailnet.ts';
import { type EnvironmentVariables, readList, readText } from '../base/environment.ts';

export interface Environment {
  readonly sourceCidrs: readonly string[];
  readonly config: string | undefined;
  /** Set when the functions stand behind the edge. */
  readonly edgeSecretId: string | undefined;
  readonly tailnet: TailnetEnvironment;
}

/**
 * Reads the variables from a process's environment.
 *
 * @throws Error naming the variable, the value got and what is expected
 */
export function readEnvironment(env: EnvironmentVariables): Environment {
  return Object.freeze({
    sourceCidrs: readList(env, 'AUTHD_SOURCE_CIDR'),
    config: readText(env, 'POSTERN_CONFIG'),
    edgeSecretId: readText(env, 'POSTERN_EDGE_SECRET_ID'),
    tailnet: readTailnet(env),
  });
}
