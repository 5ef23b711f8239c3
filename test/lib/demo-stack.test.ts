import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { App, CfnWaitConditionHandle, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { DemoStack, type DemoStackProps } from '../../lib/demo-stack.ts';
import { TailnetKeyIssuer } from '../../lib/tailnet-key-issuer.ts';
import { solutionsFindings } from './aws-solutions.ts';

const template = templateOf();

function templateOf(props: DemoStackProps = {}, context: Record<string, unknown> = {}): Template {
  return Template.fromStack(new DemoStack(new App({ context }), 'PosternDemo', props));
}

/** The one resource of a type: its properties and its id. */
function only(type: string, from = template): { id: string; properties: Record<string, unknown> } {
  const found = Object.entries(from.findResources(type));
  assert.equal(found.length, 1, `${found.length} of ${type}`);
  const [id, resource] = found[0] as [string, { Properties: Record<string, unknown> }];
  return { id, properties: resource.Properties };
}

/** The user data as the instance gets it, with references in angle brackets. */
function userDataOf(from: Template): string {
  const { UserData } = only('AWS::EC2::Instance', from).properties as {
    UserData: { 'Fn::Base64': { 'Fn::Join': [string, readonly (string | object)[]] } };
  };
  const [, parts] = UserData['Fn::Base64']['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : `<${Object.values(part)[0]}>`)).join('');
}

function filesOf(from: Template): Readonly<Record<string, { content: string; permissions: string }>> {
  const { write_files } = JSON.parse(userDataOf(from).replace('#cloud-config\n', '')) as {
    write_files: { path: string; content: string; permissions: string }[];
  };
  return Object.fromEntries(write_files.map(({ path, ...rest }) => [path, rest]));
}

test('no rule lets anything in: the security group has none, and no resource adds one', () => {
  const { properties } = only('AWS::EC2::SecurityGroup');
  assert.equal('SecurityGroupIngress' in properties, false);
  template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
  template.hasResourceProperties('AWS::EC2::Instance', {
    SecurityGroupIds: [{ 'Fn::GetAtt': [only('AWS::EC2::SecurityGroup').id, 'GroupId'] }],
  });
  // An address, an interface or a key of its own would be a way in.
  const instance = only('AWS::EC2::Instance').properties;
  for (const name of ['KeyName', 'NetworkInterfaces', 'SecurityGroups'])
    assert.equal(name in instance, false);
});

test('out goes HTTPS, WireGuard and the port of the control server, and nothing else', () => {
  const portsOf = (props: DemoStackProps) => {
    const { SecurityGroupEgress } = only('AWS::EC2::SecurityGroup', templateOf(props)).properties;
    return (SecurityGroupEgress as { IpProtocol: string; FromPort: number; ToPort: number }[]).map(
      ({ IpProtocol, FromPort, ToPort }) => `${IpProtocol} ${FromPort}-${ToPort}`,
    );
  };
  assert.deepEqual(portsOf({}), ['tcp 443-443', 'udp 0-65535']);
  assert.deepEqual(portsOf({ controlUrl: 'https://headscale.example.com:8443' }), [
    'tcp 443-443',
    'tcp 8443-8443',
    'udp 0-65535',
  ]);
  assert.deepEqual(portsOf({ controlUrl: 'http://headscale.example.com' })[1], 'tcp 80-80');
});

test('the instance stands in the private subnet, whose way out is the NAT gateway of the public one', () => {
  template.resourceCountIs('AWS::EC2::Subnet', 2);
  template.resourceCountIs('AWS::EC2::NatGateway', 1);
  const subnet = (only('AWS::EC2::Instance').properties.SubnetId as { Ref: string }).Ref;
  const tables = Object.values(template.findResources('AWS::EC2::SubnetRouteTableAssociation'));
  const table = tables.find(({ Properties }) => Properties.SubnetId.Ref === subnet)?.Properties.RouteTableId;
  template.hasResourceProperties('AWS::EC2::Route', {
    RouteTableId: table,
    DestinationCidrBlock: '0.0.0.0/0',
    NatGatewayId: { Ref: only('AWS::EC2::NatGateway').id },
    GatewayId: Match.absent(),
  });
  template.allResourcesProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: false });
});

test('the network has its own small range, and a log of all its traffic that ends with the stack', () => {
  template.hasResourceProperties('AWS::EC2::VPC', { CidrBlock: '10.213.0.0/26' });
  template.hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'ALL', ResourceType: 'VPC' });
  template.hasResource('AWS::Logs::LogGroup', {
    DeletionPolicy: 'Delete',
    Properties: { RetentionInDays: 7 },
  });
});

test('the instance takes tokens for its metadata only, and its disk is encrypted', () => {
  template.hasResourceProperties('AWS::EC2::Instance', {
    InstanceType: 't4g.micro',
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    BlockDeviceMappings: [
      { DeviceName: '/dev/xvda', Ebs: { Encrypted: true, VolumeType: 'gp3', DeleteOnTermination: true } },
    ],
  });
});

test('the role may open a session and read the one secret, and nothing else', () => {
  const key = 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:team/key-AbCdEf';
  const app = new App();
  const other = new Stack(app, 'Other');
  new CfnWaitConditionHandle(other, 'NotEmpty');
  const secret = Secret.fromSecretCompleteArn(other, 'Key', key);
  const given = Template.fromStack(new DemoStack(app, 'PosternDemo', { key: secret }));
  const role = (only('AWS::EC2::Instance', given).properties.IamInstanceProfile as { Ref: string }).Ref;
  const [roleRef] = (given.findResources('AWS::IAM::InstanceProfile')[role]?.Properties.Roles ?? []) as [
    { Ref: string },
  ];
  const policies = Object.values(given.findResources('AWS::IAM::Policy'))
    .map(({ Properties }) => Properties)
    .filter(({ Roles }) => Roles.some(({ Ref }: { Ref: string }) => Ref === roleRef.Ref));
  const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  const rights = statements.flatMap(({ Action, Resource }) => [Action].flat().map((one) => [one, Resource]));
  assert.deepEqual(rights, [
    ['ssm:UpdateInstanceInformation', '*'],
    ['ssmmessages:CreateControlChannel', '*'],
    ['ssmmessages:CreateDataChannel', '*'],
    ['ssmmessages:OpenControlChannel', '*'],
    ['ssmmessages:OpenDataChannel', '*'],
    ['secretsmanager:GetSecretValue', key],
    ['secretsmanager:DescribeSecret', key],
  ]);
  assert.equal(given.findResources('AWS::IAM::Role')[roleRef.Ref]?.Properties.ManagedPolicyArns, undefined);
  assert.match(userDataOf(given), new RegExp(`SECRET_ID='${key}'`));
});

test('with an issuer the stack has a key of its own, which the instance and the rotation alone may read', () => {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const other = new Stack(app, 'Other');
  new CfnWaitConditionHandle(other, 'NotEmpty');
  const apiKey = Secret.fromSecretNameV2(other, 'ApiKey', 'postern/headscale-api-key');
  const issuer = TailnetKeyIssuer.headscale({ url: 'https://headscale.example.com', apiKey });
  const stack = new DemoStack(app, 'PosternDemo', { issuer });
  const given = Template.fromStack(stack);
  const { id } = only('AWS::SecretsManager::Secret', given);
  const settings = filesOf(given)['/etc/postern-demo/settings']?.content ?? '';
  assert.match(settings, new RegExp(`^SECRET_ID='<${id}>'$`, 'm'));
  assert.match(settings, /^CONTROL_URL='https:\/\/headscale\.example\.com'$/m);
  assert.match(settings, /^TAGS=''$/m);
  const policy = JSON.stringify(only('AWS::SecretsManager::ResourcePolicy', given).properties);
  const readers = [...policy.matchAll(/"Fn::GetAtt":\["([A-Za-z]+?)[0-9A-F]{8}","Arn"\]/g)].map(
    ([, name]) => name,
  );
  assert.deepEqual(readers.toSorted(), ['KeyRotationRole', 'Role']);
  assert.throws(
    () => new DemoStack(app, 'Both', { issuer, key: apiKey }),
    /key and issuer are both given; give the key, or who makes one/,
  );
});

test('the version of tailscale is the one that the layer has', () => {
  const module = readFileSync(join(import.meta.dirname, '..', '..', 'extension', 'layer', 'go.mod'), 'utf8');
  const [, version] = /^\s*tailscale\.com v(\S+)/m.exec(module) ?? [];
  assert.match(userDataOf(template), new RegExp(`TAILSCALE_VERSION='${version}'`));
});

test('the user data names the secret and holds none, and fits into the 16 KiB of EC2', () => {
  const text = userDataOf(template);
  assert.match(text, /SECRET_ID='postern\/demo-auth-key'/);
  assert.match(text, /^#cloud-config\n/);
  assert.ok(Buffer.byteLength(text) < 15_000, `${Buffer.byteLength(text)} bytes leave too little room`);
  assert.deepEqual(Object.keys(filesOf(template)), [
    '/opt/postern-demo/setup.sh',
    '/opt/postern-demo/join.sh',
    '/opt/postern-demo/server.py',
    '/etc/systemd/system/postern-demo-join.service',
    '/etc/systemd/system/postern-demo.service',
    '/etc/yum.repos.d/tailscale.repo',
    '/etc/postern-demo/settings',
  ]);
});

test('the choices reach the instance as settings', () => {
  const given = templateOf({
    controlUrl: 'https://headscale.example.com',
    tailnetHostname: 'builder',
    tailnetTags: ['tag:a', 'tag:b'],
    port: 9000,
    tailscaleVersion: '1.100.0',
  });
  const { id } = only('AWS::EC2::Instance', given);
  assert.equal(
    filesOf(given)['/etc/postern-demo/settings']?.content,
    [
      "REGION='<AWS::Region>'",
      "SECRET_ID='postern/demo-auth-key'",
      "CONTROL_URL='https://headscale.example.com'",
      "TAILNET_HOSTNAME='builder'",
      "TAGS='tag:a,tag:b'",
      "PORT='9000'",
      "TAILSCALE_VERSION='1.100.0'",
      "STACK='PosternDemo'",
      `RESOURCE='${id}'`,
      '',
    ].join('\n'),
  );
  given.hasOutput('TargetUrl', { Value: 'http://builder:9000' });
  given.hasOutput('TailnetTarget', { Value: 'builder' });
});

test('the same choices may stand in the context, and a property counts more', () => {
  const context = { 'postern:demo': JSON.stringify({ port: 9001, tailnetHostname: 'fromcontext' }) };
  templateOf({ port: 9002 }, context).hasOutput('TargetUrl', { Value: 'http://fromcontext:9002' });
  templateOf({}, { 'postern:demo': { port: 9001 } }).hasOutput('TargetUrl', {
    Value: 'http://postern-demo:9001',
  });
});

test('a change of a setting is another instance, because cloud-init runs once', () => {
  const first = only('AWS::EC2::Instance').id;
  assert.equal(only('AWS::EC2::Instance', templateOf()).id, first);
  assert.notEqual(only('AWS::EC2::Instance', templateOf({ port: 9000 })).id, first);
});

test('the deployment waits until the page is served, and the instance until it may read and has a way out', () => {
  template.hasResource('AWS::EC2::Instance', {
    CreationPolicy: { ResourceSignal: { Count: 1, Timeout: 'PT15M' } },
    DependsOn: Match.arrayWith([
      Match.stringLikeRegexp('^NetworkPrivateSubnet1DefaultRoute'),
      Match.stringLikeRegexp('^RoleDefaultPolicy'),
    ]),
  });
});

test('nothing outlives the stack', () => {
  for (const [id, resource] of Object.entries(template.toJSON().Resources) as [
    string,
    { DeletionPolicy?: string },
  ][]) {
    assert.ok([undefined, 'Delete'].includes(resource.DeletionPolicy), `${id} is kept`);
  }
  assert.equal('DisableApiTermination' in only('AWS::EC2::Instance').properties, false);
});

const wrong: readonly [string, DemoStackProps, RegExp][] = [
  ['a quote in the name', { tailnetHostname: "a'b" }, /tailnetHostname is "a'b"; give a name/],
  ['a command in a tag', { tailnetTags: ['tag:a', '$(reboot)'] }, /tailnetTags is .*; give tags such as/],
  ['a path in the control URL', { controlUrl: 'https://a.example/x' }, /controlUrl .*without path or user/],
  ['a user in the control URL', { controlUrl: 'https://u:p@a.example' }, /controlUrl .*without path or user/],
  ['a port below 1024', { port: 80 }, /port is 80; give a port from 1024 to 65535/],
  ['a port above all', { port: 65_536 }, /port is 65536/],
  ['a public range', { cidr: '8.8.0.0/16' }, /cidr is "8.8.0.0\/16"; give a private/],
  ['a range too small for two subnets', { cidr: '10.0.0.0/27' }, /cidr .*\/26/],
  ['another processor', { instanceType: 't3.micro' }, /instanceType .*arm64/],
  ['no version', { tailscaleVersion: 'latest' }, /tailscaleVersion is "latest"; give a version/],
];
for (const [what, props, message] of wrong) {
  test(`synthesizing refuses ${what}, and says what to give`, () => {
    assert.throws(() => templateOf(props), message);
  });
}

test('synthesizing refuses a context that is not an object or has an unknown choice', () => {
  assert.throws(() => templateOf({}, { 'postern:demo': 'x' }), /postern:demo: it is "x"; give an object/);
  assert.throws(() => templateOf({}, { 'postern:demo': { ports: 1 } }), /it has ports; known are .*port/);
});

test("AWS's rules find nothing that is not acknowledged with its reason", () => {
  assert.deepEqual(
    solutionsFindings((app) => new DemoStack(app, 'PosternDemo')),
    [],
  );
});

test("AWS's rules are at work: they find what a stack does wrong", () => {
  const findings = solutionsFindings((app) => {
    const stack = new Stack(app, 'Wrong');
    const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['s3:*'], resources: ['*'] }));
    return stack;
  });
  assert.ok(
    findings.includes('AwsSolutions-IAM5[Action::s3:*] at Wrong/Role/DefaultPolicy/Resource'),
    String(findings),
  );
});
