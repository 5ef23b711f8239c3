import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { metricOf } from './metrics.ts';
import type { TailnetKey } from './tailnet-key.ts';
import type { WebhookGateway } from './webhook-gateway.ts';

interface AlarmOptions {
  /** What it means and what to do; it goes into the notification. */
  readonly description: string;
  readonly metric: IMetric;
  readonly threshold: number;
  readonly below?: true;
  /** How many of how many periods must be over the threshold. */
  readonly of: readonly [breaching: number, periods: number];
  /** Whether missing data is an alarm too. */
  readonly missing?: TreatMissingData;
}

/** Fewer refusals than this in five minutes are not an attack. */
const refusalsAtLeast = 20;

/** What the forwarder refused and what the authorizer stopped; without any there is no datapoint. */
const all = 'FILL(refused, 0) + FILL(stopped, 0)';

/** The alarms of a gateway. docs/operations.md explains each. */
export function gatewayAlarms(
  scope: Construct,
  gateway: WebhookGateway,
  refusalPercent: number,
): readonly Alarm[] {
  const { forwarder, authorizer, stage } = gateway;
  const refused = {
    forwarder: metricOf(forwarder, 'Refusals'),
    authorizer: metricOf(authorizer, 'Refusals'),
  };
  return [
    alarm(scope, 'Refusals', {
      description: `More than ${refusalPercent} % of the requests are refused: an attack, a changed secret, or a sender that changed. Look at the refusals by code on the dashboard (docs/operations.md, Alarms).`,
      metric: new MathExpression({
        expression: `IF((${all}) >= ${refusalsAtLeast}, 100 * (${all}) / (FILL(requests, 0) + FILL(stopped, 0)), 0)`,
        usingMetrics: {
          refused: refused.forwarder,
          stopped: refused.authorizer,
          requests: metricOf(forwarder, 'Requests'),
        },
        label: 'Refused, %',
        period: Duration.minutes(5),
      }),
      threshold: refusalPercent,
      of: [2, 3],
    }),
    alarm(scope, 'Errors', {
      description:
        'Requests fail: the API answered 5xx, its own or the target\'s. Look for "level":"error" and for codes upstream:… in the forwarder\'s log (docs/operations.md, Alarms).',
      metric: stage.metricServerError({ period: Duration.minutes(5), statistic: Stats.SUM }),
      threshold: 5,
      of: [2, 3],
    }),
    alarm(scope, 'FunctionErrors', {
      description:
        "A function failed by itself: it ended, ran out of time or memory, or its extension could not start. Look at the end of the function's log (docs/operations.md, Alarms).",
      metric: new MathExpression({
        expression: 'FILL(forwarder, 0) + FILL(authorizer, 0)',
        usingMetrics: { forwarder: forwarder.metricErrors(), authorizer: authorizer.metricErrors() },
        label: 'Errors of functions',
        period: Duration.minutes(5),
      }),
      threshold: 0,
      of: [1, 1],
    }),
    alarm(scope, 'TunnelNotReady', {
      description:
        'Sandboxes cannot join the tailnet, or no target answers. The log line "tunnel not ready" has the cause (docs/extension.md, Causes).',
      metric: metricOf(forwarder, 'TunnelNotReady'),
      threshold: 2,
      of: [1, 1],
    }),
  ];
}

/** The alarms of the key. The rotation's own errors are counted too: a function that cannot start has no metric. */
export function keyAlarms(scope: Construct, { rotation }: TailnetKey): readonly Alarm[] {
  return [
    alarm(scope, 'RotationFailed', {
      description:
        'No new auth key was made, or an old one was not revoked; the current key is still good. The log line "rotation failed" says why (docs/rotation.md).',
      metric: new MathExpression({
        expression: 'FILL(failed, 0) + FILL(errors, 0)',
        usingMetrics: { failed: metricOf(rotation, 'RotationFailed'), errors: rotation.metricErrors() },
        label: 'Rotations failed',
        period: Duration.minutes(5),
      }),
      threshold: 0,
      of: [1, 1],
    }),
    alarm(scope, 'KeyNearExpiry', {
      description:
        'For two days the auth key has had less than 14 left, or nobody could tell how many. Rotate now: aws secretsmanager rotate-secret (docs/operations.md, Keys).',
      metric: metricOf(rotation, 'KeyDaysLeft', Stats.MINIMUM, Duration.days(1)),
      threshold: 14,
      below: true,
      of: [2, 2],
      missing: TreatMissingData.BREACHING,
    }),
  ];
}

function alarm(scope: Construct, id: string, options: AlarmOptions): Alarm {
  const {
    description,
    metric,
    threshold,
    below,
    of: [datapointsToAlarm, evaluationPeriods],
    missing,
  } = options;
  return new Alarm(scope, id, {
    alarmDescription: description,
    metric,
    threshold,
    comparisonOperator: below
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_THRESHOLD,
    datapointsToAlarm,
    evaluationPeriods,
    treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
  });
}
