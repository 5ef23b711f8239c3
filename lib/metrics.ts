import { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { metricNamespace } from '../base/aws/emf.ts';

/** The metrics that the functions write into their logs; docs/observability.md says what each counts. */
export type PosternMetricName =
  | 'Requests'
  | 'RequestMs'
  | 'Refusals'
  | 'Errors'
  | 'TunnelReadyMs'
  | 'TunnelNotReady'
  | 'RotationFailed'
  | 'KeyDaysLeft';

/** One of Postern's metrics of one function, by default over five minutes. */
export function metricOf(
  fn: IFunction,
  metricName: PosternMetricName,
  statistic: string = Stats.SUM,
  period: Duration = Duration.minutes(5),
): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { FunctionName: fn.functionName },
    statistic,
    period,
    label: metricName,
  });
}
