import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, CfnWaitConditionHandle, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { PipelineStack, type PipelineStackProps } from '../../lib/pipeline-stack.ts';
import { solutionsFindings } from './aws-solutions.ts';

const template = templateOf();
const connectionArn =
  'arn:aws:codeconnections:eu-central-1:111111111111:connection/01234567-89ab-cdef-0123-456789abcdef';

function templateOf(props: PipelineStackProps = {}, context: Record<string, unknown> = {}): Template {
  return Template.fromStack(new PipelineStack(new App({ context }), 'PosternPipeline', props));
}

interface Action {
  readonly Name: string;
  readonly RunOrder: number;
  readonly ActionTypeId: { readonly Provider: string };
  readonly Configuration: Readonly<Record<string, unknown>>;
  readonly InputArtifacts?: readonly { readonly Name: string }[];
}

interface Stage {
  readonly Name: string;
  readonly Actions: readonly Action[];
}

function stagesOf(from: Template): readonly Stage[] {
  const [pipeline] = Object.values(from.findResources('AWS::CodePipeline::Pipeline'));
  return pipeline?.Properties.Stages;
}

/** The commands of a build step, phase by phase. */
function commandsOf(step: string, from = template): readonly string[] {
  const projects = Object.entries(from.findResources('AWS::CodeBuild::Project'));
  const project = projects.find(([id]) => id.startsWith(`${step}Project`))?.[1];
  const spec = JSON.parse(project?.Properties.Source.BuildSpec) as {
    phases: Record<string, { commands: string[] }>;
  };
  return Object.values(spec.phases).flatMap(({ commands }) => commands);
}

/** Each right of a role, as `ACTION on RESOURCE`; references in angle brackets. */
function rightsOf(role: string, from = template): readonly string[] {
  const policies = Object.entries(from.findResources('AWS::IAM::Policy')).filter(([id]) =>
    id.startsWith(`${role}RoleDefaultPolicy`),
  );
  const statements = policies.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  return statements.flatMap(({ Action, Resource, Effect }) => {
    assert.equal(Effect, 'Allow');
    return [Action]
      .flat()
      .flatMap((action) => [Resource].flat().map((resource) => `${action} on ${render(resource)}`));
  });
}

function render(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, content] = ['', '']] = Object.entries(value as object);
  if (name === 'Fn::Join') return (content[1] as unknown[]).map(render).join(content[0]);
  return `<${[content]
    .flat()
    .join('.')
    .replace(/[0-9A-F]{8}(?=\.|$)/, '')}>`;
}

test('the stages are source, verification, deployment, and an approval before the end of the demo', () => {
  const stages = stagesOf(template).map(({ Name, Actions }) => [
    Name,
    Actions.map((action) => `${action.RunOrder} ${action.Name}: ${action.ActionTypeId.Provider}`),
  ]);
  assert.deepEqual(stages, [
    ['Source', ['1 Source: CodeStarSourceConnection']],
    ['Verify', ['1 Verify: CodeBuild']],
    ['Deploy', ['1 Deploy: CodeBuild']],
    ['EndDemo', ['1 Approve: Manual', '2 DestroyDemo: CodeBuild']],
  ]);
  template.hasResourceProperties('AWS::CodePipeline::Pipeline', {
    PipelineType: 'V2',
    ExecutionMode: 'SUPERSEDED',
  });
});

test('each build runs the commands of the repository', () => {
  assert.deepEqual(commandsOf('Verify'), [
    'npm ci',
    'npm test',
    'npx cdk synth --quiet',
    'tar -cf cdk.tar cdk.out',
  ]);
  assert.deepEqual(commandsOf('Deploy'), [
    'npm ci',
    'tar -xf cdk.tar',
    'npx cdk deploy --app cdk.out --require-approval never PosternStack DemoStack',
  ]);
  assert.deepEqual(commandsOf('DestroyDemo'), [
    'npm ci',
    'tar -xf cdk.tar',
    'npx cdk destroy --app cdk.out --force DemoStack',
  ]);
});

test('what is deployed and destroyed is the assembly that was tested, not the source', () => {
  const actions = stagesOf(template)
    .slice(2)
    .flatMap(({ Actions }) => Actions)
    .filter(({ ActionTypeId }) => ActionTypeId.Provider !== 'Manual');
  assert.ok(actions.length >= 2);
  for (const { Name, InputArtifacts } of actions)
    assert.deepEqual(InputArtifacts, [{ Name: 'Assembly' }], Name);
});

const store = [
  's3:GetObject on <Artifacts.Arn>/*',
  's3:GetObjectVersion on <Artifacts.Arn>/*',
  's3:GetBucketAcl on <Artifacts.Arn>',
  's3:GetBucketLocation on <Artifacts.Arn>',
  's3:GetBucketVersioning on <Artifacts.Arn>',
  'kms:Decrypt on <ArtifactKey.Arn>',
  'kms:DescribeKey on <ArtifactKey.Arn>',
];
const writing = [
  's3:PutObject on <Artifacts.Arn>/*',
  's3:PutObjectAcl on <Artifacts.Arn>/*',
  'kms:Encrypt on <ArtifactKey.Arn>',
  'kms:GenerateDataKey on <ArtifactKey.Arn>',
];
const log = (step: string) => [
  `logs:CreateLogStream on <${step}Log.Arn>`,
  `logs:PutLogEvents on <${step}Log.Arn>`,
];
const bootstrapRole = (name: string) =>
  `sts:AssumeRole on arn:<AWS::Partition>:iam::<AWS::AccountId>:role/cdk-hnb659fds-${name}-role-<AWS::AccountId>-<AWS::Region>`;
const builds = ['BatchGetBuilds', 'StartBuild', 'StopBuild'].flatMap((action) =>
  ['Verify', 'Deploy', 'DestroyDemo'].map((step) => `codebuild:${action} on <${step}Project.Arn>`),
);

/** Every right of every role: one more, and this table is to be changed on purpose. */
const rights: Readonly<Record<string, readonly string[]>> = {
  Verify: [...log('Verify'), ...store, ...writing],
  Deploy: [...log('Deploy'), ...store, bootstrapRole('deploy'), bootstrapRole('file-publishing')],
  DestroyDemo: [...log('DestroyDemo'), ...store, bootstrapRole('deploy')],
  Pipeline: [
    ...store,
    ...writing,
    ...builds,
    'codeconnections:UseConnection on <ConnectionArn>',
    'codestar-connections:UseConnection on <ConnectionArn>',
  ],
};
for (const [role, expected] of Object.entries(rights)) {
  test(`the role of ${role} has these rights and no others`, () => {
    assert.deepEqual(rightsOf(role).toSorted(), expected.toSorted());
  });
}

test('no other role is made, and none has a policy beside', () => {
  const roles = Object.entries(template.findResources('AWS::IAM::Role'));
  assert.deepEqual(
    roles.map(([id]) => id.replace(/Role[0-9A-F]{8}$/, '')).toSorted(),
    Object.keys(rights).toSorted(),
  );
  for (const [id, { Properties }] of roles) {
    for (const name of ['ManagedPolicyArns', 'Policies'])
      assert.equal(name in Properties, false, `${name} of ${id}`);
  }
  template.resourceCountIs('AWS::IAM::Policy', roles.length);
});

test('the roles of a bootstrap with a qualifier of its own are named by it', () => {
  const given = templateOf({}, { '@aws-cdk/core:bootstrapQualifier': 'mine' });
  assert.ok(rightsOf('Deploy', given).some((right) => right.includes(':role/cdk-mine-deploy-role-')));
});

test('the artifacts are encrypted with a key that changes, closed to the public, and gone after thirty days', () => {
  template.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true });
  template.hasResourceProperties('AWS::S3::Bucket', {
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' }, BucketKeyEnabled: true },
      ],
    },
    LifecycleConfiguration: {
      Rules: [
        {
          ExpirationInDays: 30,
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
          Status: 'Enabled',
        },
      ],
    },
    LoggingConfiguration: Match.anyValue(),
  });
  template.resourceCountIs('AWS::S3::Bucket', 2);
  template.allResourcesProperties('AWS::S3::Bucket', {
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
  });
  template.allResourcesProperties('AWS::CodeBuild::Project', {
    EncryptionKey: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ArtifactKey'), 'Arn'] },
    Environment: { PrivilegedMode: false },
  });
});

test('each build has a log of its own that is kept for a month', () => {
  template.resourceCountIs('AWS::Logs::LogGroup', 3);
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

test('without a connection and a repository the deployment asks for them, and checks them', () => {
  template.hasParameter('ConnectionArn', {
    Type: 'String',
    AllowedPattern: Match.stringLikeRegexp('connection/'),
  });
  template.hasParameter('Repository', { Type: 'String', AllowedPattern: Match.anyValue() });
});

test('with both, by property or context, nothing is asked for', () => {
  const context = { 'postern:pipeline': { repository: 'team/postern', branch: 'release/1' } };
  const given = templateOf({ connectionArn }, context);
  assert.deepEqual(Object.keys(given.findParameters('*')), ['BootstrapVersion']);
  assert.deepEqual(stagesOf(given)[0]?.Actions[0]?.Configuration, {
    ConnectionArn: connectionArn,
    FullRepositoryId: 'team/postern',
    BranchName: 'release/1',
  });
});

test('the command that synthesizes, the stacks and the demo may be chosen', () => {
  const given = templateOf({ synth: 'npx cdk synth -c a=b', stacks: ['A', 'B/C'], demoStack: 'D' });
  assert.equal(commandsOf('Verify', given)[2], 'npx cdk synth -c a=b');
  assert.match(commandsOf('Deploy', given)[2] ?? '', / A B\/C D$/);
  assert.match(commandsOf('DestroyDemo', given)[2] ?? '', / --force D$/);
});

test('who approves is told by a topic, if one is given, and only then may the pipeline publish', () => {
  const app = new App();
  const other = new Stack(app, 'Other');
  new CfnWaitConditionHandle(other, 'NotEmpty');
  const topicArn = 'arn:aws:sns:eu-central-1:111111111111:approvals';
  const approvalTopic = Topic.fromTopicArn(other, 'Topic', topicArn);
  const given = Template.fromStack(new PipelineStack(app, 'PosternPipeline', { approvalTopic }));
  assert.equal(stagesOf(given)[3]?.Actions[0]?.Configuration.NotificationArn, topicArn);
  assert.ok(rightsOf('Pipeline', given).includes(`sns:Publish on ${topicArn}`));
});

const wrong: readonly [string, PipelineStackProps, RegExp][] = [
  ['an ARN of something else', { connectionArn: 'arn:aws:iam::1:role/x' }, /connectionArn .*codeconnections/],
  ['a repository without owner', { repository: 'postern' }, /repository is "postern"; give owner\/name/],
  ['a command for a branch', { branch: 'a; b' }, /branch is "a; b"/],
  ['a command for a stack', { stacks: ['A', '$(b)'] }, /stacks is .*; give a list of names/],
  ['no stack', { stacks: [] }, /stacks is \[\]/],
  ['an option for the demo', { demoStack: '--all' }, /demoStack is "--all"/],
  ['an empty command', { synth: ' ' }, /synth is " "/],
];
for (const [what, props, message] of wrong) {
  test(`synthesizing refuses ${what}, and says what to give`, () => {
    assert.throws(() => templateOf(props), message);
  });
}

test("AWS's rules find nothing that is not acknowledged with its reason", () => {
  assert.deepEqual(
    solutionsFindings((app) => new PipelineStack(app, 'PosternPipeline')),
    [],
  );
});
