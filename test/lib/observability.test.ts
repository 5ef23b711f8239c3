import assert from 'node:assert/strict';
import test from 'node:test';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Observability } from '../../lib/observability.ts';
import { PosternStack, type PosternStackProps } from '../../lib/postern-stack.ts';
import { solutionsFindings } from './aws-solutions.ts';
import { configFile, render, unbuilt } from './template.ts';

const config = configFile(
  'postern.yaml',
  `services: { builds: { targets: [{ url: http://builder:8080 }], transport: tailnet } }
routes:
  github:
    match: { path: /hooks/github, methods: [POST] }
    service: builds
    plugins: { webhook: { provider: github, secret: secretsmanager:github } }
`,
);
const props: PosternStackProps = { config, sourceCidrs: ['192.0.2.0/24'], alarmEmail: 'ops@example.com' };
const template = Template.fromStack(new PosternStack(unbuilt(), 'Door', props));

interface AlarmProperties {
  readonly AlarmDescription: string;
  readonly AlarmActions?: readonly unknown[];
  readonly OKActions?: readonly unknown[];
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly TreatMissingData: string;
  readonly MetricName?: string;
  readonly Metrics?: readonly {
    readonly Expression?: string;
    readonly MetricStat?: { readonly Metric: { readonly MetricName: string } };
  }[];
}

function alarmsOf(from: Template): Readonly<Record<string, AlarmProperties>> {
  return Object.fromEntries(
    Object.entries(from.findResources('AWS::CloudWatch::Alarm')).map(([id, { Properties }]) => [
      id.replace(/^Observability|[0-9A-F]{8}$/g, ''),
      render(Properties) as AlarmProperties,
    ]),
  );
}

const alarms = alarmsOf(template);

const expected = {
  Refusals: ['Refusals', 'Refusals', 'Requests'],
  Errors: ['5xx'],
  FunctionErrors: ['Errors', 'Errors'],
  TunnelNotReady: ['TunnelNotReady'],
  RotationFailed: ['Errors', 'RotationFailed'],
  KeyNearExpiry: ['KeyDaysLeft'],
} as const;

test('there is an alarm for each thing that operations must hear of', () => {
  assert.deepEqual(Object.keys(alarms).toSorted(), Object.keys(expected).toSorted());
});

for (const [name, metrics] of Object.entries(expected)) {
  test(`the alarm ${name} watches ${metrics.join(', ')}, tells where to read on, and rings at the topic`, () => {
    const alarm = alarms[name] as AlarmProperties;
    const watched = alarm.Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric.MetricName ?? []) ?? [
      alarm.MetricName,
    ];
    assert.deepEqual(watched.toSorted(), [...metrics].toSorted());
    assert.match(alarm.AlarmDescription, /docs\/[a-z]+\.md/);
    assert.equal(alarm.AlarmActions?.length, 1);
    assert.equal(alarm.OKActions?.length, 1);
  });
}

test('a missing report on the key is an alarm, and silence of anything else is not', () => {
  for (const [name, { TreatMissingData }] of Object.entries(alarms))
    assert.equal(TreatMissingData, name === 'KeyNearExpiry' ? 'breaching' : 'notBreaching', name);
  const { ComparisonOperator, Threshold } = alarms.KeyNearExpiry as AlarmProperties;
  assert.deepEqual([ComparisonOperator, Threshold], ['LessThanThreshold', 14]);
});

test('the dashboard shows each metric that the functions write', () => {
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const body = String(render(dashboard?.Properties.DashboardBody));
  for (const metric of [
    'Requests',
    'Refusals',
    'Errors',
    'RequestMs',
    'PluginMs',
    'TunnelReadyMs',
    'TunnelNotReady',
    'RotationFailed',
    'KeyDaysLeft',
  ])
    assert.ok(body.includes(metric), metric);
});

test('without a topic nobody is notified, and without a key it has no alarms', () => {
  const stack = new PosternStack(unbuilt(), 'Door', { config, sourceCidrs: ['192.0.2.0/24'] });
  new Observability(stack, 'Second', { gateway: stack.gateway });
  const made = Template.fromStack(stack);
  made.resourceCountIs('AWS::SNS::Topic', 0);
  const all = Object.entries(made.findResources('AWS::CloudWatch::Alarm'));
  assert.equal(all.filter(([id]) => id.startsWith('Second')).length, 4);
  assert.ok(all.every(([, { Properties }]) => Properties.AlarmActions === undefined));
});

test('a refusalPercent that is not between 0 and 100 is refused', () => {
  const stack = new PosternStack(unbuilt(), 'Door', { config, sourceCidrs: ['192.0.2.0/24'] });
  assert.throws(
    () => new Observability(stack, 'Second', { gateway: stack.gateway, refusalPercent: 100 }),
    /Observability: refusalPercent is 100; give a share between 0 and 100/,
  );
});

test("AWS's rules find nothing in a door with alarms by mail", () => {
  assert.deepEqual(
    solutionsFindings((app): Stack => new PosternStack(app, 'Door', props)),
    [],
  );
});
