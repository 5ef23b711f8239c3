import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import { createUpstream } from '../upstream/client.ts';
import { parseTarget, type Target } from '../upstream/target.ts';
import { guardTarget } from '../upstream/target-guard.ts';
import { type ParsedTransport, parseTransport } from '../upstream/transports/index.ts';
import type { UpstreamLease, Upstreams } from '../upstream/upstreams.ts';
import type { ProblemCollector } from './collector.ts';
import type { GatewayPorts } from './ports.ts';
import type { ServerOptions } from './server-options.ts';
import type { Configuration } from './shape.ts';

type ServiceOptions = Configuration['services'][string];

/** Prepares the upstream of a service without connecting, or reuses one with equal options. Undefined if something is wrong. */
export async function compileService(
  name: string,
  options: ServiceOptions,
  { clock, tailnet, tunnel, sandboxed }: GatewayPorts,
  server: ServerOptions,
  upstreams: Upstreams,
  problems: ProblemCollector,
): Promise<UpstreamLease | undefined> {
  const path = ['services', name];
  const transport = await parseTransport(options.transport).catch((error: unknown) => {
    problems.addError([...path, 'transport'], error);
    return undefined;
  });
  const targets = options.targets.map(({ url, weight }, index) =>
    problems.attempt([...path, 'targets', index, 'url'], () => readTarget(url, weight, transport, sandboxed)),
  );
  if (transport === undefined || !targets.every((target) => target !== undefined)) return undefined;
  const { timeout, idleTimeout, connections, pending } = options;
  const key = JSON.stringify([
    name,
    options.targets,
    options.transport,
    timeout,
    idleTimeout,
    connections,
    pending,
  ]);
  return upstreams.lease(key, () =>
    createUpstream({
      targets,
      transport: transport.create({
        clock,
        tailnet,
        ...(sandboxed !== undefined && { sandboxed }),
        ...(transport.kind.name === 'tailnet' && { tunnel: tunnel?.(server) }),
      }),
      timeoutMs: timeout,
      idleTimeoutMs: idleTimeout,
      connections,
      pending,
    }),
  );
}

const inSandbox =
  'on AWS Lambda that is the sandbox of the function itself: use the name of the target in the network of the function';

function readTarget(
  url: string,
  weight: number,
  transport: ParsedTransport | undefined,
  sandboxed: boolean | undefined,
): Target {
  const target = parseTarget(url, weight);
  if (transport?.kind.guarded !== true && sandboxed !== true) return target;
  const refused = guardTarget(target.destination.host);
  if (refused === undefined) return target;
  const hint = transport?.kind.guarded === true ? refused.hint : inSandbox;
  throw new ConfigurationError(`${target.origin} cannot be a target: ${refused.why}`, [], hint);
}
