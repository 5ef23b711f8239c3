import { resourcesOf, type Template, type Templates } from './template.ts';

/** The parts of a deployment that cost something, read from its template. */
export interface Deployment {
  readonly architecture: 'arm64' | 'x86_64';
  readonly forwarderMb: number;
  readonly authorizerMb: number;
  readonly rotationMb: number;
  readonly rotationDays: number;
  /** How long API Gateway remembers the authorizer's decision; 0 if it does not. */
  readonly authorizerTtlSeconds: number;
  readonly retentionDays: number;
  /** The secrets of the stack, of the issuer and of the configuration. */
  readonly secrets: number;
  /** By a sandbox of the forwarder, with its extension. */
  readonly secretsReadAtStart: number;
  /** Metrics of the rotation's daily check. Metrics of failures exist only after a failure. */
  readonly rotationMetrics: number;
  /** What the API's detailed metrics and the logs' metric filters make. */
  readonly apiMetrics: number;
  /** Metrics that alarms read: one each, or the inputs of a calculation. */
  readonly alarmMetrics: number;
  readonly dashboards: number;
  /** Whether the access log is in the class that costs half and makes no metrics. */
  readonly accessLogInfrequent: boolean;
  /** The size of one line of the access log. */
  readonly accessLogBytes: number;
}

/** What the demo has, while it lives. */
export interface Demo {
  readonly natGateways: number;
  readonly addresses: number;
  readonly instances: readonly string[];
  readonly volumeGb: number;
  readonly metrics: number;
}

/** A resource has a price in the model, or is known to cost nothing. */
const priced = [
  'AWS::ApiGatewayV2::Stage',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Lambda::Function',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::SecretsManager::Secret',
];
const costsNothing = [
  /^AWS::ApiGatewayV2::(?:Api|ApiMapping|Authorizer|DomainName|Integration|Route)$/,
  // Rules on a schedule, and a topic with far less than a million messages.
  /^AWS::(?:Events::Rule|SNS::(?:Topic|TopicPolicy|Subscription))$/,
  /^AWS::(?:IAM::.+|Lambda::(?:LayerVersion|Permission)|SecretsManager::(?:ResourcePolicy|RotationSchedule))$/,
  /^AWS::Route53::RecordSet$/,
];

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html: of each route, when they are detailed */
const metricsOfRoute = 6;
/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html */
const metricsOfInstance = 7;

/** @throws Error when the template has what the model has no price for */
export function deploymentOf({ postern, secretReferences }: Templates): Deployment {
  checkPriced(postern);
  const [forwarder, authorizer, rotation] = ['Forwarder', 'Authorizer', 'Rotation'].map((name) =>
    functionOf(postern, name),
  );
  const stage = only(postern, 'AWS::ApiGatewayV2::Stage');
  const retentions = resourcesOf(postern, 'AWS::Logs::LogGroup').map((log) => log.Properties.RetentionInDays);
  const ofConfiguration = new Set(
    secretReferences
      .filter((reference) => reference.startsWith('secretsmanager:'))
      .map((reference) => reference.split('#', 1)[0]),
  ).size;
  const ofStack = resourcesOf(postern, 'AWS::SecretsManager::Secret').length;
  const variables = rotation.Environment.Variables;
  return {
    architecture: forwarder.Architectures[0],
    forwarderMb: forwarder.MemorySize,
    authorizerMb: authorizer.MemorySize,
    rotationMb: rotation.MemorySize,
    rotationDays: only(postern, 'AWS::SecretsManager::RotationSchedule').RotationRules.AutomaticallyAfterDays,
    authorizerTtlSeconds: only(postern, 'AWS::ApiGatewayV2::Authorizer').AuthorizerResultTtlInSeconds,
    retentionDays: Math.max(...retentions),
    secrets: ofStack + ofConfiguration + (variables.POSTERN_ROTATION_CREDENTIALS_ID === undefined ? 0 : 1),
    secretsReadAtStart:
      ofConfiguration + (forwarder.Environment.Variables.POSTERN_TAILNET_SECRET_ID === undefined ? 0 : 1),
    rotationMetrics: 1,
    apiMetrics: metricsOfApi(postern, stage) + metricsOfFilters(postern),
    alarmMetrics: resourcesOf(postern, 'AWS::CloudWatch::Alarm').reduce(
      (sum, alarm) => sum + metricsOfAlarm(alarm.Properties),
      0,
    ),
    dashboards: resourcesOf(postern, 'AWS::CloudWatch::Dashboard').length,
    accessLogInfrequent: resourcesOf(postern, 'AWS::Logs::LogGroup').some(
      ({ id, Properties }) => id.includes('AccessLog') && Properties.LogGroupClass === 'INFREQUENT_ACCESS',
    ),
    accessLogBytes: Buffer.byteLength(exampleLine(stage.AccessLogSettings.Format)),
  };
}

/** @throws Error when the template has an instance that the model has no price for */
export function demoOf({ demo }: Templates): Demo {
  const instances = resourcesOf(demo, 'AWS::EC2::Instance').map(({ Properties }) => Properties);
  return {
    natGateways: resourcesOf(demo, 'AWS::EC2::NatGateway').length,
    addresses: resourcesOf(demo, 'AWS::EC2::EIP').length,
    instances: instances.map(({ InstanceType }) => InstanceType),
    volumeGb: instances
      .flatMap(({ BlockDeviceMappings }) => BlockDeviceMappings)
      .reduce((sum, { Ebs }) => sum + Ebs.VolumeSize, 0),
    metrics: instances.filter(({ Monitoring }) => Monitoring === true).length * metricsOfInstance,
  };
}

/** What each variable of the access log's format holds in an ordinary line. */
const examples: readonly (readonly [pattern: RegExp, example: string])[] = [
  [/\$context\.requestTimeEpoch/g, '1795417200000'],
  [/\$context\.requestId/g, 'JKJaXmPLvHcESHA='],
  [/\$context\.identity\.sourceIp/g, '203.0.113.199'],
  [/\$context\.domainName/g, 'a1b2c3d4e5.execute-api.us-east-1.amazonaws.com'],
  [/\$context\.httpMethod/g, 'POST'],
  [/\$context\.path/g, '/hooks/github'],
  [/\$context\.protocol/g, 'HTTP/1.1'],
  [/\$context\.(?:status|integrationStatus)\b/g, '200'],
  [/\$context\.(?:responseLength|responseLatency|integrationLatency)/g, '1024'],
  // Without a value: errors, and the authorizer's code.
  [/\$context\.[\w.]+/g, '-'],
];

/** A line as API Gateway would write it for a successful request. */
export function exampleLine(format: string): string {
  return examples.reduce((line, [pattern, example]) => line.replace(pattern, example), format);
}

function checkPriced(template: Template): void {
  const unknown = Object.values(template.Resources)
    .map(({ Type }) => Type)
    .filter((type) => !priced.includes(type) && !costsNothing.some((pattern) => pattern.test(type)));
  if (unknown.length > 0) {
    throw new Error(
      `the stack has ${[...new Set(unknown)].join(', ')}, of which the cost model knows nothing; add what it costs to cost/model.ts, or to costsNothing in cost/deployment.ts`,
    );
  }
}

function metricsOfApi(template: Template, stage: Template['Resources'][string]['Properties']): number {
  if (stage.DefaultRouteSettings?.DetailedMetricsEnabled !== true) return 0;
  return resourcesOf(template, 'AWS::ApiGatewayV2::Route').length * metricsOfRoute;
}

function metricsOfFilters(template: Template): number {
  return resourcesOf(template, 'AWS::Logs::MetricFilter').reduce(
    (sum, { Properties }) => sum + Properties.MetricTransformations.length,
    0,
  );
}

function metricsOfAlarm({ Metrics }: Template['Resources'][string]['Properties']): number {
  if (Metrics === undefined) return 1;
  return Metrics.filter((metric: { readonly MetricStat?: unknown }) => metric.MetricStat !== undefined)
    .length;
}

function functionOf(template: Template, name: string): Template['Resources'][string]['Properties'] {
  const found = resourcesOf(template, 'AWS::Lambda::Function').filter(({ id }) =>
    new RegExp(`${name}[0-9A-F]{8}$`).test(id),
  );
  if (found.length !== 1) throw new Error(`the stack has ${found.length} functions called ${name}`);
  return found[0]?.Properties;
}

function only(template: Template, type: string): Template['Resources'][string]['Properties'] {
  const found = resourcesOf(template, type);
  if (found.length !== 1) throw new Error(`the stack has ${found.length} of ${type}; the model knows one`);
  return found[0]?.Properties;
}
