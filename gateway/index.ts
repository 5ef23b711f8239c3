// The parts of the gateway for hosts, tunnels, adapters and tools.
export { renderReply } from './answer/problem.ts';
export { gatewayRefusals, refusals } from './answer/refusal.ts';
export type { BrokenOff, Handling, Sink } from './answer/sink.ts';
export type { Refusal, Reply } from './answer/verdict.ts';
export type { ConfigurationSource } from './config/document.ts';
export type { HostProfile, PortsOf } from './config/lend.ts';
export { configurationSchema, type LoadedConfiguration, loadGateway } from './config/load.ts';
export type { GatewayPorts } from './config/ports.ts';
export { type ConfigurationProblem, formatProblem, InvalidConfiguration } from './config/problems.ts';
export type { ServerOptions } from './config/server-options.ts';
export { type Decision, type Gateway, newRequestId } from './gateway.ts';
export { createAccessLog } from './observe/access-log.ts';
export type { FinishedRequest, SeenRequest } from './observe/finished-request.ts';
export { cut, most } from './observe/log-limits.ts';
export { requestMetrics } from './observe/request-metrics.ts';
export { SeriesTable } from './observe/series.ts';
export {
  type Counter,
  type Histogram,
  type HistogramMetric,
  type Labels,
  type Metric,
  type Metrics,
  noMetrics,
} from './ports/metrics.ts';
export type { Secrets } from './ports/secrets.ts';
export { type Body, BodyError, BytesBody, bodyTooLarge } from './request/body.ts';
export type { TrailEntry } from './request/exchange.ts';
export type { IncomingRequest } from './request/request.ts';
export type { Readiness } from './upstream/readiness.ts';
export { upstreamRefusals } from './upstream/refusals.ts';
export type { TunnelOwner } from './upstream/tailnet/owner.ts';
export { readTailnetPorts, type TailnetPorts } from './upstream/tailnet/ports.ts';
export {
  type ConnectCause,
  type Diagnosis,
  type TunnelCause,
  type TunnelNotReady,
  type TunnelReady,
  tunnelCauses,
} from './upstream/tailnet/tunnel.ts';
export { Upstreams } from './upstream/upstreams.ts';
