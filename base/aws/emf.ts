import type { Clock } from '../clock.ts';
import type { Log, LogFields } from '../log.ts';

/** The namespace of all of Postern's metrics in CloudWatch. */
export const metricNamespace = 'Postern';

export type MetricUnit = 'Count' | 'Milliseconds' | 'None';

/** One metric in a log line; its value is the line's field of the same name. */
export interface MetricName {
  readonly name: string;
  readonly unit: MetricUnit;
}

/** The log line of one function, by the wall clock. */
export interface MetricSource {
  readonly functionName: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** The directive of the embedded metric format: which fields are metrics, and which fields are their dimensions. */
export function directive(
  dimensions: readonly (readonly string[])[],
  metrics: readonly MetricName[],
): object {
  return {
    Namespace: metricNamespace,
    Dimensions: dimensions,
    Metrics: metrics.map(({ name, unit }) => ({ Name: name, Unit: unit })),
  };
}

/**
 * Fields that make a log line a metric too, in CloudWatch's embedded metric format. This needs no call and no dependency besides the log.
 *
 * Each metric is kept by function, and by function and `Code` when a code is given. Codes are a closed set: a dimension must never come
 * from outside, because each of its values is a separate metric that costs money.
 *
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricFields(
  { functionName, clock }: MetricSource,
  { name, unit }: MetricName,
  value: number,
  code?: string,
): LogFields {
  const dimensions = [['FunctionName'], ...(code === undefined ? [] : [['FunctionName', 'Code']])];
  return {
    _aws: { Timestamp: clock.now(), CloudWatchMetrics: [directive(dimensions, [{ name, unit }])] },
    FunctionName: functionName,
    ...(code !== undefined && { Code: code }),
    [name]: value,
  };
}

/** What a log event measures. */
export interface Measured {
  readonly metric: MetricName;
  readonly value: number;
  readonly code?: string;
}

/** Makes a log in which the events named in `measures` are metrics too. */
export function meteredLog(
  log: Log,
  source: MetricSource,
  measures: Readonly<Record<string, (fields: LogFields) => Measured>>,
): Log {
  function measured(event: string, fields: LogFields = {}): LogFields {
    const measure = Object.hasOwn(measures, event) ? measures[event] : undefined;
    if (measure === undefined) return fields;
    const { metric, value, code } = measure(fields);
    return { ...fields, ...metricFields(source, metric, value, code) };
  }
  return {
    info: (event, fields) => log.info(event, measured(event, fields)),
    warn: (event, fields) => log.warn(event, measured(event, fields)),
    error: (event, fields) => log.error(event, measured(event, fields)),
  };
}
