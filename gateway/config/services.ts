import { ConfigurationError } from '../configuration-error.ts';
import { createUpstream } from '../upstream/client.ts';
import { parseTarget, type Target } from '../upstream/target.ts';
import { guardTarget } from '../upstream/target-guard.ts';
import { parseTransport } from '../upstream/transports/index.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { ProblemCollector } from './collector.ts';
import type { GatewayPorts } from './load.ts';
import type { Configuration } from './shape.ts';

/** Prepares the upstream of a service; no connection is made yet. Undefined when something is wrong. */
export function compileService(
  options: Configuration['services'][string],
  ports: GatewayPorts,
  path: readonly (string | number)[],
  problems: ProblemCollector,
): Upstream | undefined {
  throw new ConfigurationError('not yet');
}
