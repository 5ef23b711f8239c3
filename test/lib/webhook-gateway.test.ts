import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnParameter, Duration, Fn, type Stack } from 'aws-cdk-lib';
import type { Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { WebhookGateway } from '../../lib/webhook-gateway.ts';
import type { WebhookGatewayProps } from '../../lib/webhook-gateway-props.ts';
import { configFile, propertiesOf, render, rightsOf, templateOf } from './template.ts';

/** Without a service in a tailnet; the layer has its own tests. */
const direct = configFile(
  'direct.yaml',
  `services: { status: { targets: [{ url: https://status.example.com }], transport: direct } }
routes:
  hooks:
    match: { path: /hooks }
    service: status
    plugins: { webhook: { provider: github, secret: 'env:GITHUB_SECRET' } }
  signed:
    match: { path: /signed }
    service: status
    plugins:
      authorize: { allow: "request.method == 'POST'" }
      webhook: { provider: github, secret: 'secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-AbCdEf' }
`,
);

function gatewayTemplate(change: (stack: Stack) => Partial<WebhookGatewayProps> = () => ({})): Template {
  return templateOf((stack) => {
    new WebhookGateway(stack, 'Door', {
      config: direct,
      sourceCidrs: ['192.0.2.0/24'],
      environment: { GITHUB_SECRET: 'from-the-tests' },
      ...change(stack),
    });
  });
}

const plain = gatewayTemplate();

test('the authorizer decides by simple responses in format 2.0, and API Gateway remembers them by address for five minutes', () => {
  const {
    Name: _name,
    AuthorizerUri: _uri,
    ...authorizer
  } = propertiesOf(plain, 'AWS::ApiGatewayV2::Authorizer');
  assert.deepEqual(authorizer, {
    ApiId: '<DoorApi>',
    AuthorizerType: 'REQUEST',
    AuthorizerPayloadFormatVersion: '2.0',
    EnableSimpleResponses: true,
    IdentitySource: ['$context.identity.sourceIp'],
    AuthorizerResultTtlInSeconds: 300,
  });
});

test('with plugins deciding in the authorizer nothing is remembered: they look at more than the address', () => {
  const policy = gatewayTemplate(() => ({ authorizerPolicy: true }));
  const { AuthorizerResultTtlInSeconds } = propertiesOf(policy, 'AWS::ApiGatewayV2::Authorizer');
  assert.equal(AuthorizerResultTtlInSeconds, 0);
  const { Environment } = propertiesOf(policy, 'AWS::Lambda::Function', 'DoorAuthorizer');
  assert.deepEqual(Environment, {
    Variables: {
      AUTHD_SOURCE_CIDR: '192.0.2.0/24',
      POSTERN_CONFIG: 'postern.json',
      GITHUB_SECRET: 'from-the-tests',
    },
  });
  assert.deepEqual(
    rightsOf(policy)['<DoorAuthorizerRole>']?.filter((right) => !right.startsWith('logs:')),
    [],
    'a webhook is verified on the body, which the authorizer never sees, so it reads no secret of one',
  );
});

test('the cache can be shorter, or off', () => {
  for (const seconds of [0, 60]) {
    const template = gatewayTemplate(() => ({ authorizerCacheTtl: Duration.seconds(seconds) }));
    const { AuthorizerResultTtlInSeconds } = propertiesOf(template, 'AWS::ApiGatewayV2::Authorizer');
    assert.equal(AuthorizerResultTtlInSeconds, seconds);
  }
});

test('every request takes the one route, which the authorizer guards', () => {
  const { RouteKey, AuthorizationType, AuthorizerId } = propertiesOf(plain, 'AWS::ApiGatewayV2::Route');
  assert.equal(RouteKey, '$default');
  assert.equal(AuthorizationType, 'CUSTOM');
  assert.equal(AuthorizerId, '<DoorApiSource>');
  const { PayloadFormatVersion, TimeoutInMillis } = propertiesOf(plain, 'AWS::ApiGatewayV2::Integration');
  assert.deepEqual([PayloadFormatVersion, TimeoutInMillis], ['2.0', 29_000]);
});

test('requests are throttled, and each leaves one line of JSON without its query', () => {
  const stage = propertiesOf(plain, 'AWS::ApiGatewayV2::Stage');
  assert.equal(stage.StageName, '$default');
  const { ThrottlingRateLimit, ThrottlingBurstLimit } = stage.DefaultRouteSettings as Record<string, number>;
  assert.deepEqual([ThrottlingRateLimit, ThrottlingBurstLimit], [100, 200]);
  const { DestinationArn, Format } = stage.AccessLogSettings as Record<string, string>;
  assert.equal(DestinationArn, '<DoorAccessLog.Arn>');
  const fields = JSON.parse(Format ?? '') as Record<string, string>;
  assert.equal(fields.source, '$context.identity.sourceIp');
  assert.equal(fields.authorizer, '$context.authorizer.code');
  assert.equal(fields.id, '$context.requestId');
  assert.doesNotMatch(Format ?? '', /queryString|rawQuery|requestOverride/i);
  assert.ok(Object.values(fields).every((value) => /^\$context\.[\w.]+$/.test(value)));
  const slower = gatewayTemplate(() => ({ throttle: { rateLimit: 5, burstLimit: 7 } }));
  const { DefaultRouteSettings } = propertiesOf(slower, 'AWS::ApiGatewayV2::Stage');
  assert.deepEqual(DefaultRouteSettings, {
    ThrottlingRateLimit: 5,
    ThrottlingBurstLimit: 7,
  });
});

test('nothing that a client chooses freely stands in the access log, where it could write members of its own', () => {
  const { Format } = propertiesOf(plain, 'AWS::ApiGatewayV2::Stage').AccessLogSettings as Record<
    string,
    string
  >;
  const chosen = /\$context\.(?:path|identity\.userAgent|routeKey|requestOverride|error\.messageString)\b/;
  assert.doesNotMatch(Format ?? '', chosen);
});

test('the access log lies below /aws/vendedlogs/ under the name of the stack, or where it is told to', () => {
  const names = (template: Template) =>
    Object.values(template.findResources('AWS::Logs::LogGroup')).flatMap(
      ({ Properties }) => render(Properties.LogGroupName) ?? [],
    );
  const [name, ...others] = names(plain);
  assert.match(String(name), /^\/aws\/vendedlogs\/postern\/<AWS::StackName>-Door-[0-9a-f]{8}$/);
  assert.deepEqual(others, []);
  const chosen = gatewayTemplate((stack) => ({
    accessLogGroup: LogGroup.fromLogGroupName(stack, 'Shared', '/shared/access'),
  }));
  assert.deepEqual(names(chosen), []);
  const { DestinationArn } = propertiesOf(chosen, 'AWS::ApiGatewayV2::Stage').AccessLogSettings as Record<
    string,
    string
  >;
  assert.match(DestinationArn ?? '', /:log-group:\/shared\/access:\*$/);
});

test('the ranges may be tokens: a list of a parameter, single values, an import', () => {
  const rangesOf = (make: (stack: Stack) => readonly string[]) => {
    const template = gatewayTemplate((stack) => ({ sourceCidrs: make(stack) }));
    const [authorizer] = Object.values(
      template.findResources('AWS::Lambda::Function', { Properties: { Timeout: 10 } }),
    );
    return authorizer?.Properties.Environment.Variables.AUTHD_SOURCE_CIDR;
  };
  const parameter = (stack: Stack) =>
    new CfnParameter(stack, 'Ranges', { type: 'CommaDelimitedList' }).valueAsList;
  assert.deepEqual(rangesOf(parameter), { 'Fn::Join': [',', { Ref: 'Ranges' }] });
  assert.deepEqual(
    rangesOf((stack) => ['192.0.2.0/24', new CfnParameter(stack, 'Office').valueAsString]),
    { 'Fn::Join': [',', ['192.0.2.0/24', { Ref: 'Office' }]] },
  );
  assert.deepEqual(
    rangesOf((stack) => [Fn.select(0, parameter(stack)), Fn.importValue('office')]),
    {
      'Fn::Join': [',', [{ 'Fn::Select': [0, { Ref: 'Ranges' }] }, { 'Fn::ImportValue': 'office' }]],
    },
  );
  assert.equal(
    rangesOf(() => ['192.0.2.0/24', '2001:db8::/32']),
    '192.0.2.0/24,2001:db8::/32',
  );
});

test('every log is kept for three months, or as long as is said', () => {
  const kept = (template: Template) =>
    Object.values(template.findResources('AWS::Logs::LogGroup')).map(
      ({ Properties }) => Properties.RetentionInDays,
    );
  assert.deepEqual(kept(plain), [90, 90, 90]);
  assert.deepEqual(kept(gatewayTemplate(() => ({ logRetention: RetentionDays.ONE_WEEK }))), [7, 7, 7]);
});

test('no function is traced unless asked, and then both are', () => {
  const modes = (template: Template) =>
    Object.values(template.findResources('AWS::Lambda::Function')).map(
      ({ Properties }) => Properties.TracingConfig?.Mode,
    );
  assert.deepEqual(modes(plain), [undefined, undefined]);
  assert.deepEqual(modes(gatewayTemplate(() => ({ tracing: true }))), ['Active', 'Active']);
});

test('without a service in a tailnet there is no layer and no key', () => {
  plain.resourceCountIs('AWS::Lambda::LayerVersion', 0);
  const { Environment } = propertiesOf(plain, 'AWS::Lambda::Function', 'DoorForwarder');
  const names = Object.keys((Environment as { Variables: object }).Variables);
  assert.deepEqual(
    names.filter((name) => name.startsWith('POSTERN_')),
    ['POSTERN_CONFIG'],
  );
});

test('a complete ARN of a secret is allowed as it is', () => {
  const own = rightsOf(plain)['<DoorForwarderRole>']?.filter((right) => right.startsWith('secretsmanager:'));
  assert.deepEqual(own, [
    'secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-AbCdEf',
  ]);
});

test("secrets under a customer's key may be decrypted only through Secrets Manager", () => {
  const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000';
  const template = gatewayTemplate((stack) => ({ secretKeys: [Key.fromKeyArn(stack, 'Own', keyArn)] }));
  const decrypting = rightsOf(template)['<DoorForwarderRole>']?.filter((right) => right.startsWith('kms:'));
  assert.deepEqual(decrypting, [
    `kms:Decrypt on ${keyArn} when {"StringEquals":{"kms:ViaService":"secretsmanager.<AWS::Region>.amazonaws.com"}}`,
  ]);
});

test('memory above 512 MB is left to Node; sandboxes can be limited; x86_64 reaches every part', () => {
  const template = gatewayTemplate((stack) => ({
    config: tailnetConfig,
    secret: Secret.fromSecretNameV2(stack, 'AuthKey', 'kept-by-hand'),
    memorySize: 1024,
    architecture: Architecture.X86_64,
    reservedConcurrentExecutions: 5,
  }));
  const forwarder = propertiesOf(template, 'AWS::Lambda::Function', 'DoorForwarder');
  assert.equal(forwarder.MemorySize, 1024);
  assert.equal(forwarder.ReservedConcurrentExecutions, 5);
  const { Variables } = forwarder.Environment as { Variables: Record<string, string> };
  assert.equal('NODE_OPTIONS' in Variables, false);
  const layer = propertiesOf(template, 'AWS::Lambda::LayerVersion');
  assert.deepEqual(layer.CompatibleArchitectures, ['x86_64']);
  for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function')))
    assert.deepEqual(Properties.Architectures, ['x86_64']);
});

const tailnetConfig = configFile(
  'tailnet.yaml',
  `services: { builds: { targets: [{ url: http://builder:8080 }], transport: tailnet } }
routes: { builds: { match: { path: /* }, service: builds, open: true } }
`,
);

test('targets that are given count instead of those of the configuration', () => {
  const template = gatewayTemplate((stack) => ({
    config: tailnetConfig,
    secret: Secret.fromSecretNameV2(stack, 'AuthKey', 'kept-by-hand'),
    targets: ['100.64.0.7'],
  }));
  const { Environment } = propertiesOf(template, 'AWS::Lambda::Function', 'DoorForwarder');
  const { Variables } = Environment as { Variables: Record<string, string> };
  assert.equal(Variables.POSTERN_TAILNET_TARGETS, '100.64.0.7');
});

const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000';
const domainProps = (stack: Stack) => ({
  domainName: 'hooks.example.com',
  certificate: Certificate.fromCertificateArn(stack, 'Certificate', certificateArn),
});

test('a name of its own closes the address that AWS gives, which would pass it by', () => {
  const template = gatewayTemplate((stack) => ({
    ...domainProps(stack),
    hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
      hostedZoneId: 'Z0000000000000',
      zoneName: 'example.com',
    }),
    mutualTls: {
      bucket: Bucket.fromBucketName(stack, 'Trust', 'authorities'),
      key: 'clients.pem',
      version: '7',
    },
  }));
  assert.equal(propertiesOf(template, 'AWS::ApiGatewayV2::Api').DisableExecuteApiEndpoint, true);
  const domain = propertiesOf(template, 'AWS::ApiGatewayV2::DomainName');
  assert.deepEqual(domain, {
    DomainName: 'hooks.example.com',
    DomainNameConfigurations: [
      { CertificateArn: certificateArn, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
    ],
    MutualTlsAuthentication: { TruststoreUri: 's3://authorities/clients.pem', TruststoreVersion: '7' },
  });
  const { DomainName, Stage } = propertiesOf(template, 'AWS::ApiGatewayV2::ApiMapping');
  assert.deepEqual([DomainName, Stage], ['<DoorDomain>', '$default']);
  const records = Object.values(template.findResources('AWS::Route53::RecordSet'));
  assert.deepEqual(records.map(({ Properties }) => [Properties.Type, Properties.Name]).toSorted(), [
    ['A', 'hooks.example.com.'],
    ['AAAA', 'hooks.example.com.'],
  ]);
});

test('without a name of its own the address that AWS gives stays open, and is the url', () => {
  assert.equal(propertiesOf(plain, 'AWS::ApiGatewayV2::Api').DisableExecuteApiEndpoint, false);
  plain.resourceCountIs('AWS::ApiGatewayV2::DomainName', 0);
  const urls: string[] = [];
  templateOf((stack) => {
    const props = { config: direct, sourceCidrs: ['192.0.2.0/24'], environment: { GITHUB_SECRET: 'x' } };
    urls.push(String(stack.resolve(new WebhookGateway(stack, 'Plain', props).url)['Fn::GetAtt'][1]));
    urls.push(new WebhookGateway(stack, 'Named', { ...props, ...domainProps(stack) }).url);
  });
  assert.deepEqual(urls, ['ApiEndpoint', 'https://hooks.example.com']);
});
