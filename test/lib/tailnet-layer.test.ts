import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration, type Stack } from 'aws-cdk-lib';
import { Annotations, Match, type Template } from 'aws-cdk-lib/assertions';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TailnetKey } from '../../lib/tailnet-key.ts';
import { TailnetKeyIssuer } from '../../lib/tailnet-key-issuer.ts';
import { TailnetLayer } from '../../lib/tailnet-layer.ts';
import type { TailnetOptions } from '../../lib/tailnet-options.ts';
import { propertiesOf, rightsOf, templateOf } from './template.ts';

/** Somebody's function, of any runtime. */
function someFunction(stack: Stack, props: Partial<ConstructorParameters<typeof LambdaFunction>[2]> = {}) {
  return new LambdaFunction(stack, 'Mine', {
    code: Code.fromInline('exports.handler = () => {}'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: 512,
    ...props,
  });
}

function attached(options: (stack: Stack) => TailnetOptions): Template {
  return templateOf((stack) => {
    new TailnetLayer(stack, 'Layer').attachTo(someFunction(stack), options(stack));
  });
}

const keyOf = (stack: Stack) =>
  new TailnetKey(stack, 'Key', {
    issuer: TailnetKeyIssuer.headscale({
      url: 'https://headscale.example.com',
      apiKey: Secret.fromSecretNameV2(stack, 'ApiKey', 'headscale'),
    }),
    tags: ['tag:postern'],
  });

/** The library's own types do not distinguish a property that is undefined from one that is not there. */
const kept = (stack: Stack) => new Secret(stack, 'Kept') as ISecret;

/** What a function finds in its environment, and may do beside writing its log. */
const cases: readonly {
  readonly name: string;
  readonly options: (stack: Stack) => TailnetOptions;
  readonly variables: Readonly<Record<string, string>>;
  readonly rights: readonly string[];
}[] = [
  {
    name: 'the rotated key: its secret, and the control server of its issuer',
    options: (stack) => ({ key: keyOf(stack) }),
    variables: {
      POSTERN_TAILNET_SECRET_ID: '<KeySecret>',
      POSTERN_TAILNET_CONTROL_URL: 'https://headscale.example.com',
    },
    rights: ['secretsmanager:GetSecretValue on <KeySecret>'],
  },
  {
    name: 'a secret that somebody else keeps, and everything else that can be said',
    options: (stack) => ({
      secret: kept(stack),
      controlUrl: 'https://control.example.com',
      hostname: 'worker',
      tags: ['tag:a', 'tag:b'],
      targets: ['builder', '100.64.0.7'],
      socksPort: 2055,
      joinTimeout: Duration.millis(6500),
    }),
    variables: {
      POSTERN_TAILNET_SECRET_ID: '<Kept>',
      POSTERN_TAILNET_CONTROL_URL: 'https://control.example.com',
      POSTERN_TAILNET_HOSTNAME: 'worker',
      POSTERN_TAILNET_TAGS: 'tag:a,tag:b',
      POSTERN_TAILNET_TARGETS: 'builder,100.64.0.7',
      POSTERN_SOCKS_PORT: '2055',
      POSTERN_JOIN_TIMEOUT: '6500ms',
    },
    rights: ['secretsmanager:DescribeSecret on <Kept>', 'secretsmanager:GetSecretValue on <Kept>'],
  },
  {
    name: 'an identity: no secret at all, and tokens for its audience alone',
    options: () => ({
      identity: { clientId: 'kAbC123', audience: 'api.tailscale.com/kAbC123' },
      tags: ['tag:postern'],
    }),
    variables: {
      POSTERN_TAILNET_CLIENT_ID: 'kAbC123',
      POSTERN_TAILNET_AUDIENCE: 'api.tailscale.com/kAbC123',
      POSTERN_TAILNET_TAGS: 'tag:postern',
    },
    rights: [
      `sts:GetWebIdentityToken on * when ${JSON.stringify({
        'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': ['api.tailscale.com/kAbC123'] },
        Null: { 'sts:IdentityTokenAudience': 'false' },
        NumericLessThanEquals: { 'sts:DurationSeconds': 300 },
      })}`,
    ],
  },
];

for (const { name, options, variables, rights } of cases) {
  test(`attachTo gives a function ${name}`, () => {
    const template = attached(options);
    const { Layers, Environment } = propertiesOf(template, 'AWS::Lambda::Function', 'Mine');
    assert.deepEqual(Layers, ['<LayerVersion>']);
    assert.deepEqual(Environment, { Variables: variables });
    assert.deepEqual(rightsOf(template)['<MineServiceRole>'], rights);
  });
}

test('one layer serves several functions, each of which is a reader of the key', () => {
  const template = templateOf((stack) => {
    const layer = new TailnetLayer(stack, 'Layer', { ownNode: true });
    const key = keyOf(stack);
    for (const id of ['First', 'Second'])
      layer.attachTo(
        new LambdaFunction(stack, id, {
          code: Code.fromInline('def handler(event, context): pass'),
          handler: 'index.handler',
          runtime: Runtime.PYTHON_3_14,
          architecture: Architecture.ARM_64,
          memorySize: 512,
        }),
        { key },
      );
  });
  template.resourceCountIs('AWS::Lambda::LayerVersion', 1);
  assert.equal('CompatibleRuntimes' in propertiesOf(template, 'AWS::Lambda::LayerVersion'), false);
  const { ResourcePolicy } = propertiesOf(template, 'AWS::SecretsManager::ResourcePolicy') as {
    ResourcePolicy: { Statement: { Condition: { ArnNotEquals: Record<string, readonly string[]> } }[] };
  };
  assert.deepEqual(ResourcePolicy.Statement[0]?.Condition.ArnNotEquals['aws:PrincipalArn'], [
    '<KeyRotationRole.Arn>',
    '<FirstServiceRole.Arn>',
    '<SecondServiceRole.Arn>',
  ]);
});

test('a function with too little memory is warned of, once it is attached', () => {
  const warned = (memorySize: number) => {
    let found = 0;
    templateOf((stack) => {
      const fn = someFunction(stack, { memorySize });
      new TailnetLayer(stack, 'Layer').attachTo(fn, { secret: kept(stack) });
      found = Annotations.fromStack(stack).findWarning('/Test/Mine', Match.anyValue()).length;
    });
    return found;
  };
  assert.deepEqual([warned(128), warned(256)], [1, 0]);
});
