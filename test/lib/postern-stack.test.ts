import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { PosternStack, type PosternStackProps } from '../../lib/postern-stack.ts';
import { WebhookGateway } from '../../lib/webhook-gateway.ts';
import { solutionsFindings } from './aws-solutions.ts';
import { configFile, propertiesOf, render, rightsOf, unbuilt } from './template.ts';

const config = configFile(
  'postern.yaml',
  `services:
  builds: { targets: [{ url: http://builder:8080 }, { url: 'http://[fd7a:115c:a1e0::7]:80' }], transport: tailnet }
  status: { targets: [{ url: https://status.example.com }], transport: direct }
routes:
  github:
    match: { path: /hooks/github, methods: [POST] }
    service: builds
    plugins: { webhook: { provider: github, secret: ['secretsmanager:github', 'secretsmanager:both#old', 'ssm:/hooks/github:3'] } }
  status: { match: { path: /status }, service: status, open: true }
`,
);
const sourceCidrs = ['192.0.2.0/24', '2001:db8::/32'];
const template = stackTemplate({ config, sourceCidrs });

function stackTemplate(props: PosternStackProps, context: Record<string, unknown> = {}): Template {
  return Template.fromStack(new PosternStack(unbuilt(context), 'Door', props));
}

const arn = (service: string, rest: string) =>
  `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${rest}`;

/** Every right of every role: one more, and this table is to be changed on purpose. */
const rights: Readonly<Record<string, readonly string[]>> = {
  '<GatewayForwarderRole>': [
    'logs:CreateLogStream on <GatewayForwarderLog.Arn>',
    'logs:PutLogEvents on <GatewayForwarderLog.Arn>',
    'secretsmanager:GetSecretValue on <KeySecret>',
    `secretsmanager:GetSecretValue on ${arn('secretsmanager', 'secret:both-??????')}`,
    `secretsmanager:GetSecretValue on ${arn('secretsmanager', 'secret:github-??????')}`,
    `ssm:GetParameter on ${arn('ssm', 'parameter/hooks/github')}`,
  ],
  '<GatewayAuthorizerRole>': [
    'logs:CreateLogStream on <GatewayAuthorizerLog.Arn>',
    'logs:PutLogEvents on <GatewayAuthorizerLog.Arn>',
  ],
  '<KeyRotationRole>': [
    'logs:CreateLogStream on <KeyRotationLog.Arn>',
    'logs:PutLogEvents on <KeyRotationLog.Arn>',
    'secretsmanager:DescribeSecret on <KeySecret>',
    'secretsmanager:GetSecretValue on <KeySecret>',
    'secretsmanager:ListSecretVersionIds on <KeySecret>',
    'secretsmanager:PutSecretValue on <KeySecret>',
    'secretsmanager:UpdateSecretVersionStage on <KeySecret>',
    `secretsmanager:DescribeSecret on ${arn('secretsmanager', 'secret:postern/oauth-client-??????')}`,
    `secretsmanager:GetSecretValue on ${arn('secretsmanager', 'secret:postern/oauth-client-??????')}`,
  ],
};

test('there are three roles, one for each function', () => {
  assert.deepEqual(Object.keys(rightsOf(template)).toSorted(), Object.keys(rights).toSorted());
  for (const role of Object.values(template.findResources('AWS::IAM::Role')))
    assert.equal('ManagedPolicyArns' in role.Properties, false, 'a managed policy may grow by itself');
});

for (const [role, expected] of Object.entries(rights)) {
  test(`the role ${role} has these rights and no others`, () => {
    assert.deepEqual(rightsOf(template)[role], expected.toSorted());
  });
}

test('the auth key can be read by the forwarder and the rotation, and is denied to everyone else', () => {
  const { ResourcePolicy, SecretId } = propertiesOf(template, 'AWS::SecretsManager::ResourcePolicy');
  assert.equal(SecretId, '<KeySecret>');
  const { Statement } = ResourcePolicy as { Statement: readonly Record<string, unknown>[] };
  assert.deepEqual(
    Statement.map(({ Sid: _name, ...rest }) => rest),
    [
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 'secretsmanager:GetSecretValue',
        Resource: '*',
        Condition: {
          ArnNotEquals: { 'aws:PrincipalArn': ['<KeyRotationRole.Arn>', '<GatewayForwarderRole.Arn>'] },
        },
      },
    ],
  );
});

test('nothing but its own service may call each function', () => {
  const callers = Object.values(template.findResources('AWS::Lambda::Permission')).map(({ Properties }) => [
    Properties.FunctionName['Fn::GetAtt'][0].replace(/[0-9A-F]{8}$/, ''),
    Properties.Principal,
    'SourceArn' in Properties,
  ]);
  assert.deepEqual(callers.toSorted(), [
    ['GatewayAuthorizer', 'apigateway.amazonaws.com', true],
    ['GatewayForwarder', 'apigateway.amazonaws.com', true],
    ['KeyRotation', 'events.amazonaws.com', true],
    ['KeyRotation', 'secretsmanager.amazonaws.com', true],
  ]);
});

test('the forwarder runs the configuration on arm64 with 256 MB, and is ready when a target of the tailnet answers', () => {
  const { Environment, Timeout, MemorySize, Architectures, Runtime, Layers } = propertiesOf(
    template,
    'AWS::Lambda::Function',
    'GatewayForwarder',
  );
  assert.deepEqual(
    { Timeout, MemorySize, Architectures, Runtime, Layers },
    {
      Timeout: 29,
      MemorySize: 256,
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
      Layers: ['<GatewayLayerVersion>'],
    },
  );
  assert.deepEqual(Environment, {
    Variables: {
      POSTERN_CONFIG: 'postern.json',
      POSTERN_TAILNET_SECRET_ID: '<KeySecret>',
      POSTERN_TAILNET_TARGETS: 'builder,fd7a:115c:a1e0::7',
      NODE_OPTIONS: '--max-old-space-size=48 --max-semi-space-size=2',
      MALLOC_MMAP_THRESHOLD_: '131072',
    },
  });
});

test('the authorizer gets the ranges and neither the configuration nor the layer', () => {
  const authorizer = propertiesOf(template, 'AWS::Lambda::Function', 'GatewayAuthorizer');
  assert.deepEqual(authorizer.Environment, { Variables: { AUTHD_SOURCE_CIDR: sourceCidrs.join(',') } });
  assert.equal('Layers' in authorizer, false);
});

test('what is chosen in the context counts, and a property counts more', () => {
  const context = {
    postern: {
      config,
      sourceCidrs: ['198.51.100.7'],
      issuer: 'headscale',
      controlUrl: 'https://headscale.example.com',
      tailnetTags: ['tag:hooks'],
      architecture: 'x86_64',
      memorySize: 512,
    },
  };
  const chosen = stackTemplate({ memorySize: 1024 }, context);
  const forwarder = propertiesOf(chosen, 'AWS::Lambda::Function', 'GatewayForwarder');
  assert.deepEqual(forwarder.Architectures, ['x86_64']);
  assert.equal(forwarder.MemorySize, 1024);
  const { Variables } = forwarder.Environment as { Variables: Record<string, string> };
  assert.equal(Variables.POSTERN_TAILNET_CONTROL_URL, 'https://headscale.example.com');
  const rotation = propertiesOf(chosen, 'AWS::Lambda::Function', 'KeyRotation');
  const { Variables: rotating } = rotation.Environment as { Variables: Record<string, string> };
  assert.equal(rotating.POSTERN_ROTATION_ISSUER, 'headscale');
  assert.equal(rotating.POSTERN_TAILNET_API_URL, 'https://headscale.example.com');
  assert.equal(rotating.POSTERN_TAILNET_TAGS, 'tag:hooks');
});

const edge = {
  domainName: 'hooks.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000',
  webAclArn: 'arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/00000000-0000-0000-0000-000000000000',
};

test('with an edge in the context clients send to its name, and the API answers nobody else', () => {
  const edged = stackTemplate({}, { postern: { config, sourceCidrs, edge } });
  const { Url } = edged.findOutputs('Url') as { Url: { Value: string } };
  assert.equal(Url.Value, 'https://hooks.example.com');
  edged.resourceCountIs('AWS::CloudFront::Distribution', 1);
  const { Environment } = propertiesOf(edged, 'AWS::Lambda::Function', 'GatewayAuthorizer');
  const { Variables } = Environment as { Variables: Record<string, string> };
  assert.equal(Variables.POSTERN_EDGE_SECRET_ID, '<EdgeSecret>');
  template.resourceCountIs('AWS::CloudFront::Distribution', 0);
});

test('an edge that lacks something, or has something else, is refused with the name', () => {
  const { webAclArn: _arn, ...less } = edge;
  for (const [wrong, message] of [
    [less, /edge has no webAclArn; it takes domainName, certificateArn, webAclArn/],
    [{ ...edge, domainName: '' }, /edge\.domainName is ""/],
    [{ ...edge, firewall: true }, /postern\.edge: it has firewall; known are/],
    ['yes', /postern\.edge: it is "yes"; give an object/],
  ] as const)
    assert.throws(() => stackTemplate({}, { postern: { config, sourceCidrs, edge: wrong } }), message);
});

test('the outputs name where webhooks go, the key, the dashboard and every log group', () => {
  const outputs = template.findOutputs('*') as Record<string, { Value: unknown }>;
  const { KeySecret, ...others } = outputs;
  assert.ok(KeySecret !== undefined);
  const rendered = Object.entries(others).map(([id, { Value }]) => [id, render(Value)]);
  assert.deepEqual(Object.fromEntries(rendered), {
    Url: '<GatewayApi.ApiEndpoint>',
    Dashboard: '<ObservabilityDashboard>',
    AccessLog: '<GatewayAccessLog>',
    ForwarderLog: '<GatewayForwarderLog>',
    AuthorizerLog: '<GatewayAuthorizerLog>',
    RotationLog: '<KeyRotationLog>',
  });
  const groups = Object.keys(template.findResources('AWS::Logs::LogGroup'));
  assert.equal(groups.length, 4, `an output for each of ${groups.join(', ')}`);
});

test('no name is fixed, so that the stack can stand twice in one account', () => {
  const named = Object.entries(template.toJSON().Resources as Record<string, { Properties?: object }>)
    .filter(([, { Properties = {} }]) =>
      ['FunctionName', 'RoleName', 'LogGroupName', 'TableName', 'LayerName'].some(
        (name) => typeof (Properties as Record<string, unknown>)[name] === 'string',
      ),
    )
    .map(([id]) => id);
  assert.deepEqual(named, []);
});

test("AWS's own rules (cdk-nag, AwsSolutions) find nothing in it", () => {
  assert.deepEqual(
    solutionsFindings((app) => new PosternStack(app, 'Door', { config, sourceCidrs })),
    [],
  );
  assert.deepEqual(
    solutionsFindings((app) => new PosternStack(app, 'Door', { config, sourceCidrs, edge })),
    [],
  );
});

test('nor with every option, but for what is acknowledged with its reason', () => {
  const findings = solutionsFindings((app) => {
    const stack = new Stack(app, 'Test');
    const identity = { clientId: 'kAbC123', audience: 'api.tailscale.com/kAbC123' };
    const joined = { config, sourceCidrs, identity, tags: ['tag:postern'] };
    new WebhookGateway(stack, 'Untraced', joined);
    new WebhookGateway(stack, 'Traced', {
      ...joined,
      tracing: true,
      authorizerPolicy: true,
      secretKeys: [Key.fromKeyArn(stack, 'Own', 'arn:aws:kms:eu-west-1:123456789012:key/0')],
    });
    return stack;
  });
  assert.deepEqual(findings, []);
});

test('the rules see what is not acknowledged', () => {
  const findings = solutionsFindings((app) => {
    const stack = new PosternStack(app, 'Door', { config, sourceCidrs });
    stack.gateway.forwarder.addToRolePolicy(new PolicyStatement({ actions: ['s3:Get*'], resources: ['*'] }));
    return stack;
  });
  assert.ok(
    findings.length > 0 && findings.every((finding) => finding.startsWith('AwsSolutions-IAM5')),
    findings.join(),
  );
});
