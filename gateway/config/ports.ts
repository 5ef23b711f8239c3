import type { FinishedRequest } from '../observe/finished-request.ts';
import type { Ports } from '../plugin/plugin.ts';
import type { TunnelOwner } from '../upstream/tailnet/owner.ts';
import type { TailnetPorts } from '../upstream/tailnet/ports.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { HostProfile } from './lend.ts';
import type { ConfigurationProblem } from './problems.ts';
import type { ServerOptions } from './server-options.ts';

/** The ports that the gateway uses itself. */
type Needed = 'clock' | 'log';

/** The ports and facts that a host provides to the gateway. */
export interface GatewayPorts extends Pick<Ports, Needed>, Partial<Omit<Ports, Needed>> {
  /** The ports of the layer's extension, for a host that owns no tunnel. */
  readonly tailnet: TailnetPorts;
  /** The tunnel that the host owns with these options, if any; called if a service is in the tailnet. Does not start anything. */
  readonly tunnel?: (options: ServerOptions) => TunnelOwner | undefined;
  /** The upstreams of earlier configurations, for a host that loads more than one. Default: none. */
  readonly upstreams?: Upstreams;
  /** Whether the host is a sandbox such as AWS Lambda's, whose own addresses cannot be targets; see TransportPorts. */
  readonly sandboxed?: boolean;
  /** Only decisions on the head: for an authorizer, which never sees a body. */
  readonly headOnly?: boolean;
  /** The largest body that the host can hold whole; a plugin that accepts larger ones causes a warning. Default: not checked. */
  readonly mostHeldBodyBytes?: (options: ServerOptions) => number;
  /** Called for each finished request. */
  readonly finished?: (record: FinishedRequest) => void;
  /** The hosts that the configuration is for, if it is not this one: a plugin that one of them cannot run causes a warning. */
  readonly hosts?: readonly HostProfile[];
  /** Called once with the warnings, even if there are errors. Default: they are logged. */
  readonly warned?: (warnings: readonly ConfigurationProblem[]) => void;
}
