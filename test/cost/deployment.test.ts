import assert from 'node:assert/strict';
import test from 'node:test';
import { demoOf, deploymentOf, exampleLine } from '../../cost/deployment.ts';
import { demoLines } from '../../cost/extras.ts';
import { synthesize, type Template, type Templates } from '../../cost/template.ts';
import { exact } from './inputs.ts';

const templates = synthesize();

/** The stack with some resources more, or others instead. */
function withResources(resources: Template['Resources']): Templates {
  return { ...templates, postern: { Resources: { ...templates.postern.Resources, ...resources } } };
}

test('the stack that is deployed is read as it is', () => {
  const found = deploymentOf(templates);
  assert.equal(found.architecture, 'arm64');
  assert.equal(found.forwarderMb, 256);
  assert.equal(found.authorizerTtlSeconds, 300);
  assert.equal(found.rotationDays, 60);
  assert.equal(found.retentionDays, 90);
  // The key, the issuer's credentials, and the webhook's of postern.yaml; the rotation alone reads the second.
  assert.equal(found.secrets, 3);
  assert.equal(found.secretsReadAtStart, 2);
});

test('a resource that the model has no price for is an error, so that nothing is forgotten', () => {
  const more = withResources({ Cluster: { Type: 'AWS::EKS::Cluster', Properties: {} } });
  assert.throws(() => deploymentOf(more), /AWS::EKS::Cluster, of which the cost model knows nothing/);
});

test('an alarm counts each metric that it reads, and no calculation', () => {
  const before = deploymentOf(templates).alarmMetrics;
  const plain = { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'Errors' } };
  const metrics = [
    { Id: 'a', MetricStat: {} },
    { Id: 'b', MetricStat: {} },
    { Id: 'c', Expression: 'a/b' },
  ];
  const calculated = { Type: 'AWS::CloudWatch::Alarm', Properties: { Metrics: metrics } };
  assert.equal(deploymentOf(withResources({ Plain: plain })).alarmMetrics, before + 1);
  assert.equal(deploymentOf(withResources({ Calculated: calculated })).alarmMetrics, before + 2);
});

test('metric filters and detailed metrics of routes are metrics', () => {
  const before = deploymentOf(templates).apiMetrics;
  const filter = { Type: 'AWS::Logs::MetricFilter', Properties: { MetricTransformations: [{}, {}] } };
  assert.equal(deploymentOf(withResources({ Filter: filter })).apiMetrics, before + 2);
  const [id, stage] = Object.entries(templates.postern.Resources).find(
    ([, { Type }]) => Type === 'AWS::ApiGatewayV2::Stage',
  ) as [string, Template['Resources'][string]];
  const properties = { ...stage.Properties, DefaultRouteSettings: { DetailedMetricsEnabled: true } };
  const detailed = withResources({ [id]: { ...stage, Properties: properties } });
  assert.equal(deploymentOf(detailed).apiMetrics, 6);
});

test('secrets are counted once, however many fields of them are used', () => {
  const references = [
    'secretsmanager:a#one',
    'secretsmanager:a#two',
    'secretsmanager:b',
    'env:NAME',
    'ssm:/postern/c',
  ];
  const found = deploymentOf({ ...templates, secretReferences: references });
  assert.equal(found.secrets, 4);
  assert.equal(found.secretsReadAtStart, 3);
});

test("a line of the access log has a value for each of the format's variables", () => {
  const format = templates.postern.Resources;
  const stage = Object.values(format).find(({ Type }) => Type === 'AWS::ApiGatewayV2::Stage');
  const line = exampleLine(stage?.Properties.AccessLogSettings.Format);
  assert.doesNotMatch(line, /\$context/);
  assert.equal(JSON.parse(line).source, '203.0.113.199');
  assert.equal(exampleLine('$context.status $context.integrationStatus $context.error.message'), '200 200 -');
});

test('the demo has one NAT gateway, one address and one instance, each with its price', () => {
  const demo = demoOf(templates);
  assert.equal(demo.natGateways, 1);
  assert.equal(demo.addresses, 1);
  assert.deepEqual(demo.instances, ['t4g.micro']);
  // 720 hours: 32.40 + 1 GB 0.045 + 3.60 + 6.048 + 8 GB 0.64 + 7 metrics 2.10 + 1 GB 0.09
  const usd = demoLines(demo, exact).reduce((sum, line) => sum + line.usd, 0);
  assert.ok(Math.abs(usd - 44.923) < 1e-9, String(usd));
});

test('an instance without a price is an error', () => {
  const demo = { ...demoOf(templates), instances: ['m8g.48xlarge'] };
  assert.throws(() => demoLines(demo, exact), /no price for an instance m8g\.48xlarge/);
});
