import type { Metrics } from '../gateway/index.ts';
import type { ServerUsage } from './listener.ts';

/** The resources that the server uses; read when the metrics are read. */
export const serverMetrics = {
  connections: { name: 'postern_connections', about: 'Connections of clients that are open.', labels: [] },
  requests: {
    name: 'postern_requests_in_flight',
    about: 'Requests whose answers are not sent in full.',
    labels: [],
  },
  memory: {
    name: 'postern_request_memory_bytes',
    about: 'What requests in flight hold: their heads, and their bodies as far as these are kept.',
    labels: [],
  },
  resident: { name: 'process_resident_memory_bytes', about: 'Memory of the process.', labels: [] },
  started: {
    name: 'process_start_time_seconds',
    about: 'When the process started, in Unix time.',
    labels: [],
  },
} as const;

/** Measures a server and its process. */
export function measureServer(metrics: Metrics, usage: () => ServerUsage): void {
  metrics.gauge(serverMetrics.connections, () => usage().connections);
  metrics.gauge(serverMetrics.requests, () => usage().requests);
  metrics.gauge(serverMetrics.memory, () => usage().heldBytes);
  metrics.gauge(serverMetrics.resident, () => process.memoryUsage.rss());
  metrics.gauge(serverMetrics.started, () => performance.timeOrigin / 1_000);
}
