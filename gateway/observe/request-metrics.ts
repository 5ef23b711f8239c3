import type { Counter, Histogram, Metrics } from '../ports/metrics.ts';
import type { FinishedRequest } from './finished-request.ts';

/** The metrics of every request, on every host that has metrics. */
export const requestMetrics = {
  requests: {
    name: 'postern_requests_total',
    about: 'Requests that are over.',
    labels: ['route', 'status', 'code'],
  },
  duration: {
    name: 'postern_request_duration_seconds',
    about: 'From the head of a request to the last byte of its answer.',
    labels: ['route'],
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  plugin: {
    name: 'postern_plugin_duration_seconds',
    about: 'The time of one plugin in a request, with what it waited for.',
    labels: ['plugin'],
    bounds: [0.00001, 0.0001, 0.001, 0.01, 0.1, 1],
  },
} as const;

/**
 * Makes the observer that measures each finished request.
 *
 * `route` is empty if none matched, `status` is a class such as `2xx`, or `none` if no answer was sent, and `code` is empty unless the
 * gateway answered by itself.
 */
export function measureRequests(metrics: Metrics): (record: FinishedRequest) => void {
  const routes = new Map<string, RouteMeter>();
  const plugins = new Map<string, Histogram>();

  function routeOf(name: string): RouteMeter {
    const known = routes.get(name);
    if (known !== undefined) return known;
    const made = new RouteMeter(metrics, name);
    routes.set(name, made);
    return made;
  }

  function pluginOf(plugin: string): Histogram {
    const known = plugins.get(plugin);
    if (known !== undefined) return known;
    const made = metrics.histogram(requestMetrics.plugin, { plugin });
    plugins.set(plugin, made);
    return made;
  }

  return function measure({ exchange, reply, status, durationMs }) {
    routeOf(exchange === undefined ? '' : exchange.route.name).take(status, reply, durationMs);
    if (exchange === undefined) return;
    for (const { plugin, microseconds } of exchange.trail) pluginOf(plugin).observe(microseconds / 1e6);
  };
}

class RouteMeter {
  readonly #metrics: Metrics;
  readonly #route: string;
  readonly #duration: Histogram;
  /** By the first digit of the status, then by code. */
  readonly #counters: readonly Map<string, Counter>[] = Array.from({ length: 6 }, () => new Map());

  constructor(metrics: Metrics, route: string) {
    this.#metrics = metrics;
    this.#route = route;
    this.#duration = metrics.histogram(requestMetrics.duration, { route });
  }

  take(status: number, reply: FinishedRequest['reply'], durationMs: number): void {
    this.#duration.observe(durationMs / 1_000);
    const digit = Math.floor(status / 100);
    const code = reply === undefined ? '' : reply.code;
    const counters = this.#counters[digit] as Map<string, Counter>;
    let counter = counters.get(code);
    if (counter === undefined) {
      const labels = { route: this.#route, status: digit === 0 ? 'none' : `${digit}xx`, code };
      counter = this.#metrics.counter(requestMetrics.requests, labels);
      counters.set(code, counter);
    }
    counter.add();
  }
}
