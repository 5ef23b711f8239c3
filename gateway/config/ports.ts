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

/** What a host lends to the gateway. */
export interface GatewayPorts extends Pick<Ports, Needed>, Partial<Omit<Ports, Needed>> {
  /** Where the layer's extension listens, for a host that owns no tunnel. */
  readonly tailnet: TailnetPorts;
  /** The tunnel that the host owns by these options, if any; asked when a service is in the tailnet. Nothing is started yet. */
  readonly tunnel?: (options: ServerOptions) => TunnelOwner | undefined;
  /** The upstreams of earlier configurations, for a host that loads more than one. Default: none. */
  readonly upstreams?: Upstreams;
  /** Whether the host is a sandbox such as AWS Lambda's, whose own addresses no target may have; see TransportPorts. */
  readonly sandboxed?: boolean;
  /** Only what can be decided on the head alone: for an authorizer, which never sees a body. */
  readonly headOnly?: boolean;
  /** The largest body that the host can hold whole; a plugin that wants larger ones is warned of. Default: not checked. */
  readonly mostHeldBodyBytes?: (options: ServerOptions) => number;
  /** Told of each request when it is over. */
  readonly finished?: (record: FinishedRequest) => void;
  /** The hosts that the configuration is written for, where that is not this one: plugins that one of them cannot run are warned of. */
  readonly hosts?: readonly HostProfile[];
  /** Told once, also when there are errors, of what is probably not meant. By default it is logged. */
  readonly warned?: (warnings: readonly ConfigurationProblem[]) => void;
}
