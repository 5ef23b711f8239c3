import { directive, type MetricName } from '../base/aws/emf.ts';
import type { FinishedRequest, TrailEntry } from '../gateway/index.ts';

const always: readonly MetricName[] = [
  { name: 'Requests', unit: 'Count' },
  { name: 'RequestMs', unit: 'Milliseconds' },
  { name: 'Refusals', unit: 'Count' },
  { name: 'Errors', unit: 'Count' },
];

/** The name of the metric of one plugin's time. */
function pluginMetric(plugin: string): string {
  return `PluginMs.${plugin}`;
}

/**
 * Makes the members that turn a request's log line into metrics, as JSON text.
 *
 * `Requests`, `RequestMs`, `Refusals` (below 500) and `Errors` (500 and above, also the target's own answers) by function;
 * refusals and errors of the gateway by `Code` too; and the time of each plugin that ran, as `PluginMs.NAME`. What does not
 * depend on the request is put together once for each sequence of plugins, of which the configuration has few.
 */
export function requestMetrics(functionName: string, now: () => number): (record: FinishedRequest) => string {
  const heads = new Map<string, string>();
  const name = JSON.stringify(functionName);

  function headOf(trail: readonly TrailEntry[], hasCode: boolean): string {
    const key = trail.reduce((text, { plugin }) => `${text} ${plugin}`, hasCode ? 'code' : '');
    let head = heads.get(key);
    if (head === undefined) {
      const plugins = [...new Set(trail.map(({ plugin }) => plugin))];
      const times = plugins.map(
        (plugin): MetricName => ({ name: pluginMetric(plugin), unit: 'Milliseconds' }),
      );
      const directives = [directive([['FunctionName']], [...always, ...times])];
      const byCode = always.filter((metric) => metric.name === 'Refusals' || metric.name === 'Errors');
      if (hasCode) directives.push(directive([['FunctionName', 'Code']], byCode));
      head = `,"_aws":{"CloudWatchMetrics":${JSON.stringify(directives)},"Timestamp":`;
      heads.set(key, head);
    }
    return head;
  }

  return function metricsOf({ exchange, reply, status, durationMs }) {
    const trail = exchange?.trail ?? [];
    const isError = status >= 500;
    // A plugin may also answer, with 200 to a challenge: that is not a refusal.
    const isRefusal = reply !== undefined && status >= 400 && !isError;
    let text = `${headOf(trail, reply !== undefined)}${now()}},"FunctionName":${name}`;
    if (reply !== undefined) text += `,"Code":"${reply.code}"`;
    text += `,"Requests":1,"RequestMs":${Math.round(durationMs * 1_000) / 1_000}`;
    text += `,"Refusals":${isRefusal ? 1 : 0},"Errors":${isError ? 1 : 0}`;
    for (const [plugin, microseconds] of timesOf(trail))
      text += `,${JSON.stringify(pluginMetric(plugin))}:${microseconds / 1_000}`;
    return text;
  };
}

/** The time of a plugin in several phases is added up. */
function timesOf(trail: readonly TrailEntry[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { plugin, microseconds } of trail) times.set(plugin, (times.get(plugin) ?? 0) + microseconds);
  return times;
}
