import { type EnvironmentVariables, readPort } from '../../../base/environment.ts';

/** The two TCP ports of the tunnel's owner on 127.0.0.1 that the transport uses. */
export interface TailnetPorts {
  /** tailscaled's SOCKS5 server. */
  readonly socksPort: number;
  /** The readiness endpoint, one port above. */
  readonly readinessPort: number;
}

const defaultSocksPort = 1055;

/** Reads POSTERN_SOCKS_PORT. @throws Error naming the variable, the value got and the expected value */
export function readTailnetPorts(env: EnvironmentVariables): TailnetPorts {
  const socksPort = readPort(env, 'POSTERN_SOCKS_PORT', defaultSocksPort);
  return Object.freeze({ socksPort, readinessPort: socksPort + 1 });
}
