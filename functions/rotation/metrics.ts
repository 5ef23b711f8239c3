import type { LogFields } from '../../gateway/plugin.ts';

interface Source {
  readonly functionName: string;
  readonly now: () => number;
}

/** Fields of a log line that are a metric too: rotations and revocations that failed, in all and by `Code`. */
export function rotationFailed(source: Source, code: string): LogFields {
  const dimensions = [['FunctionName'], ['FunctionName', 'Code']];
  return { ...metric(source, 'RotationFailed', 'Count', dimensions), code, Code: code, RotationFailed: 1 };
}

/** Days until the current key expires, never below 0. */
export function keyDaysLeft(source: Source, days: number): LogFields {
  const left = Math.max(0, Math.round(days * 10) / 10);
  return { ...metric(source, 'KeyDaysLeft', 'None', [['FunctionName']]), KeyDaysLeft: left };
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
function metric(
  { functionName, now }: Source,
  name: string,
  unit: string,
  dimensions: readonly (readonly string[])[],
): LogFields {
  const directive = { Namespace: 'Postern', Dimensions: dimensions, Metrics: [{ Name: name, Unit: unit }] };
  return { _aws: { Timestamp: now(), CloudWatchMetrics: [directive] }, FunctionName: functionName };
}
