import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { metricNamespace } from '../base/aws/emf.ts';
import { gatewayAlarms, keyAlarms } from './alarms.ts';
import { metricOf } from './metrics.ts';
import { InvalidProps } from './problem.ts';
import type { TailnetKey } from './tailnet-key.ts';
import type { WebhookGateway } from './webhook-gateway.ts';

export interface ObservabilityProps {
  /** What is watched. */
  readonly gateway: WebhookGateway;
  /**
   * The key whose rotation and expiry are watched too.
   *
   * @default - none
   */
  readonly key?: TailnetKey;
  /**
   * Who is notified of an alarm, and of its end.
   *
   * @default - nobody; alarms are shown only on the dashboard
   */
  readonly alarmTopic?: ITopic;
  /**
   * The share of refused requests that is an alarm, in percent.
   *
   * @default 50
   */
  readonly refusalPercent?: number;
}

/** A dashboard for the gateway, and alarms. All data comes from the functions' logs and AWS's own metrics. */
export class Observability extends Construct {
  readonly dashboard: Dashboard;
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: ObservabilityProps) {
    super(scope, id);
    const { gateway, key, alarmTopic, refusalPercent = 50 } = props;
    if (!(refusalPercent > 0 && refusalPercent < 100))
      throw new InvalidProps(
        'Observability',
        `refusalPercent is ${refusalPercent}; give a share between 0 and 100`,
      );
    this.alarms = [
      ...gatewayAlarms(this, gateway, refusalPercent),
      ...(key === undefined ? [] : keyAlarms(this, key)),
    ];
    if (alarmTopic !== undefined) {
      const action = new SnsAction(alarmTopic);
      for (const alarm of this.alarms) {
        alarm.addAlarmAction(action);
        alarm.addOkAction(action);
      }
    }
    this.dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(1),
      widgets: [
        ...this.#requests(gateway),
        ...this.#tunnel(gateway),
        ...(key === undefined ? [] : this.#key(key)),
      ],
    });
  }

  #requests({ forwarder, authorizer, stage }: WebhookGateway): IWidget[][] {
    return [
      [new AlarmStatusWidget({ alarms: [...this.alarms], title: 'Alarms', width: 24, height: 3 })],
      [
        graph('Requests', [
          metricOf(forwarder, 'Requests'),
          metricOf(forwarder, 'Refusals'),
          metricOf(forwarder, 'Errors'),
          metricOf(authorizer, 'Refusals').with({ label: 'Stopped by the authorizer' }),
        ]),
        graph('Refusals and errors by code', [
          byCode(forwarder, 'Refusals'),
          byCode(forwarder, 'Errors'),
          byCode(authorizer, 'Refusals'),
        ]),
        graph('The API', [
          stage.metricCount({ label: 'Requests' }),
          stage.metricClientError({ label: '4xx' }),
          stage.metricServerError({ label: '5xx' }),
        ]),
      ],
      [
        graph('Time, ms', [
          stage.metricLatency({ statistic: Stats.p(50), label: 'API, p50' }),
          stage.metricLatency({ statistic: Stats.p(99), label: 'API, p99' }),
          metricOf(forwarder, 'RequestMs', Stats.p(50)).with({ label: 'gateway and target, p50' }),
          metricOf(forwarder, 'RequestMs', Stats.p(99)).with({ label: 'gateway and target, p99' }),
        ]),
        graph('Time of each plugin, ms, p99', [pluginTimes(forwarder)]),
        graph('Sandboxes and throttles', [
          forwarder.metric('ConcurrentExecutions', { statistic: Stats.MAXIMUM, label: 'at once, most' }),
          forwarder.metricThrottles({ label: 'throttled' }),
        ]),
      ],
    ];
  }

  #tunnel({ forwarder }: WebhookGateway): IWidget[][] {
    return [
      [
        graph('Tunnel: joins, renewals and how long they took, ms', [
          metricOf(forwarder, 'TunnelReadyMs', Stats.SAMPLE_COUNT).with({ label: 'times' }),
          metricOf(forwarder, 'TunnelReadyMs', Stats.p(50)).with({ label: 'ms, p50' }),
          metricOf(forwarder, 'TunnelReadyMs', Stats.MAXIMUM).with({ label: 'ms, most' }),
        ]),
        graph('Tunnel not ready, by cause', [
          metricOf(forwarder, 'TunnelNotReady'),
          byCode(forwarder, 'TunnelNotReady'),
        ]),
        new TextWidget({
          markdown: 'What each graph and alarm means: docs/observability.md and docs/operations.md.',
          width: 8,
          height: 6,
        }),
      ],
    ];
  }

  #key({ rotation }: TailnetKey): IWidget[][] {
    return [
      [
        graph('Days until the auth key expires', [
          metricOf(rotation, 'KeyDaysLeft', Stats.MINIMUM, Duration.days(1)),
        ]),
        graph('Rotations that failed', [
          metricOf(rotation, 'RotationFailed'),
          byCode(rotation, 'RotationFailed'),
        ]),
      ],
    ];
  }
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, leftYAxis: { min: 0 } });
}

/** Only CloudWatch knows which codes there are: those that came up. */
function byCode(
  fn: IFunction,
  metricName: 'Refusals' | 'Errors' | 'TunnelNotReady' | 'RotationFailed',
): MathExpression {
  return search(
    `{${metricNamespace},FunctionName,Code} FunctionName="${fn.functionName}" MetricName="${metricName}"`,
    'Sum',
  );
}

function pluginTimes(fn: IFunction): MathExpression {
  return search(`{${metricNamespace},FunctionName} FunctionName="${fn.functionName}" PluginMs`, 'p99');
}

function search(query: string, statistic: string): MathExpression {
  return new MathExpression({
    expression: `SEARCH('${query}', '${statistic}', 300)`,
    usingMetrics: {},
    label: '',
    period: Duration.minutes(5),
  });
}
