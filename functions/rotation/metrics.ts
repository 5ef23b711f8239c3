import { type MetricSource, metricFields } from '../../base/aws/emf.ts';
import type { LogFields } from '../../base/log.ts';

/** Fields that make a log line a metric: failed rotations and revocations, in total and by `Code`. */
export function rotationFailed(source: MetricSource, code: string): LogFields {
  return { code, ...metricFields(source, { name: 'RotationFailed', unit: 'Count' }, 1, code) };
}

/** Days until the current key expires, never below 0. */
export function keyDaysLeft(source: MetricSource, days: number): LogFields {
  const left = Math.max(0, Math.round(days * 10) / 10);
  return metricFields(source, { name: 'KeyDaysLeft', unit: 'None' }, left);
}
