import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Resource, SynthesizedStack } from './lab/synthesized.ts';
import { httpApiOf } from './lab/synthesized-api.ts';
import { allows, mayInvoke, statementsOf } from './lab/synthesized-iam.ts';

// What reads the synthesized template must not pass over anything that it does not understand: then the suite would prove too much.

const folder = mkdtempSync(join(tmpdir(), 'postern-template-'));
after(() => rmSync(folder, { recursive: true }));

function stackOf(
  resources: Readonly<Record<string, { Type: string; Properties?: object }>>,
): SynthesizedStack {
  writeFileSync(join(folder, 'S.template.json'), JSON.stringify({ Resources: resources }));
  return new SynthesizedStack(folder, 'S');
}

describe('references of a template', () => {
  const stack = stackOf({
    Fn: { Type: 'AWS::Lambda::Function' },
    Role: { Type: 'AWS::IAM::Role' },
    Odd: { Type: 'AWS::S3::Bucket' },
  });
  const arn = 'arn:aws:lambda:us-east-1:123456789012:function:S-Fn-AbCdEfGhIjKl';
  const cases: readonly (readonly [name: string, value: unknown, resolved: unknown])[] = [
    ['a text', 'a', 'a'],
    ['a pseudo parameter', { Ref: 'AWS::Region' }, 'us-east-1'],
    ['a function', { Ref: 'Fn' }, 'S-Fn-AbCdEfGhIjKl'],
    ['an attribute', { 'Fn::GetAtt': ['Fn', 'Arn'] }, arn],
    ['texts joined', { 'Fn::Join': ['/', ['a', { Ref: 'AWS::Partition' }]] }, 'a/aws'],
    ['what is inside', { a: [{ Ref: 'Fn' }], b: 1 }, { a: ['S-Fn-AbCdEfGhIjKl'], b: 1 }],
  ];
  for (const [name, value, resolved] of cases)
    test(`are resolved: ${name}`, () => assert.deepEqual(stack.resolve(value), resolved));

  const unknown: readonly (readonly [name: string, value: unknown, message: RegExp])[] = [
    ['of a resource that the laboratory has not', { Ref: 'Odd' }, /nothing for Odd/],
    ['of an attribute that it has not', { 'Fn::GetAtt': ['Fn', 'SnapStart'] }, /no Fn\.SnapStart/],
    ['by another function', { 'Fn::Sub': 'x' }, /Fn::Sub is not known/],
    ['to something that is not a text, within one', { 'Fn::Join': ['', [{ a: 1 }]] }, /is not a text/],
  ];
  for (const [name, value, message] of unknown)
    test(`are an error: ${name}`, () => assert.throws(() => stack.resolve(value), message));

  test('are an error: to a name that CloudFormation would cut', () => {
    assert.throws(() => stackOf({ ['x'.repeat(60)]: { Type: 'AWS::Lambda::Function' } }), /would cut/);
  });
});

describe('the rights of a role', () => {
  const principalArn = 'arn:aws:iam::123456789012:role/reader';
  const statement = (rest: object) => ({ Effect: 'Allow', Action: 's:Get', Resource: 'arn:a-??', ...rest });
  const wish = { principalArn, action: 's:Get', resource: 'arn:a-12' };
  const deny = { Effect: 'Deny', Principal: { AWS: '*' }, Resource: '*' };
  const onlyReader = {
    ...deny,
    Condition: { ArnNotEquals: { 'aws:PrincipalArn': ['arn:x', principalArn] } },
  };
  const onlyOther = { ...deny, Condition: { ArnNotEquals: { 'aws:PrincipalArn': 'arn:x' } } };
  const cases: readonly (readonly [
    name: string,
    own: readonly object[],
    ofResource: readonly object[],
    may: boolean,
  ])[] = [
    ['nothing without a statement', [], [], false],
    ['what a statement allows', [{}], [], true],
    ['any text for a star', [{ Action: ['s:*'], Resource: ['arn:*'] }], [], true],
    ['one character for a question mark', [{ Resource: 'arn:a-?' }], [], false],
    ['no other action', [{ Action: 's:Put' }], [], false],
    ['nothing that is refused as well', [{}, { Effect: 'Deny' }], [], false],
    ['what the resource refuses to all others', [{}], [onlyReader], true],
    ['nothing that the resource refuses to it', [{}], [onlyOther], false],
    ['nothing that only the resource would allow', [], [{ Principal: { AWS: '*' } }], false],
  ];
  for (const [name, own, ofResource, may] of cases) {
    test(`are ${name}`, () => {
      const [role, resource] = [own, ofResource].map((list) =>
        statementsOf({ Statement: list.map(statement) }),
      );
      assert.equal(allows(role ?? [], wish, resource), may);
    });
  }

  const unknown: readonly (readonly [name: string, rest: object])[] = [
    ['NotAction', { NotAction: 's:Put' }],
    ['a principal', { Principal: { Service: 'lambda.amazonaws.com' } }],
    ['an operator', { Condition: { Bool: { 'aws:PrincipalArn': 'x' } } }],
    ['a key', { Condition: { ArnEquals: { 'aws:SourceVpc': 'x' } } }],
  ];
  for (const [name, rest] of unknown) {
    test(`are an error when ${name} is not known`, () => {
      assert.throws(() => allows(statementsOf({ Statement: [statement(rest)] }), wish), /not known here/);
    });
  }
});

describe('the API of a template', () => {
  const api = 'AWS::ApiGatewayV2';
  const ref = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
  const permission = (fn: string, source: string) => ({
    Type: 'AWS::Lambda::Permission',
    Properties: {
      ...{ Action: 'lambda:InvokeFunction', Principal: 'apigateway.amazonaws.com', FunctionName: ref(fn) },
      SourceArn: `arn:aws:execute-api:us-east-1:123456789012:lab0123456/${source}`,
    },
  });
  const uri = [
    'arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/',
    ref('Guard'),
    '/invocations',
  ];
  const whole = {
    Fn: { Type: 'AWS::Lambda::Function', Properties: {} },
    Guard: { Type: 'AWS::Lambda::Function', Properties: {} },
    Api: { Type: `${api}::Api`, Properties: { ProtocolType: 'HTTP', DisableExecuteApiEndpoint: false } },
    Stage: {
      Type: `${api}::Stage`,
      Properties: {
        ...{ StageName: '$default', AutoDeploy: true, AccessLogSettings: { Format: '$context.status' } },
        DefaultRouteSettings: { ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2 },
      },
    },
    Forward: {
      Type: `${api}::Integration`,
      Properties: {
        ...{ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0', TimeoutInMillis: 29_000 },
        IntegrationUri: ref('Fn'),
      },
    },
    Source: {
      Type: `${api}::Authorizer`,
      Properties: {
        ...{ AuthorizerType: 'REQUEST', AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true },
        ...{ AuthorizerUri: { 'Fn::Join': ['', uri] }, AuthorizerResultTtlInSeconds: 300 },
        IdentitySource: ['$context.identity.sourceIp'],
      },
    },
    Route: {
      Type: `${api}::Route`,
      Properties: {
        ...{ RouteKey: '$default', AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: 'Source' } },
        Target: { 'Fn::Join': ['/', ['integrations', { Ref: 'Forward' }]] },
      },
    },
    AllowFn: permission('Fn', '*/*'),
    AllowGuard: permission('Guard', 'authorizers/Source'),
  };

  function read(changes: Readonly<Record<string, object>>) {
    const resources = Object.fromEntries(
      Object.entries(whole as Readonly<Record<string, Pick<Resource, 'Type' | 'Properties'>>>).map(
        ([id, { Type, Properties }]) => [id, { Type, Properties: { ...Properties, ...changes[id] } }],
      ),
    );
    return httpApiOf(
      stackOf(resources),
      async (arn) => ({ payload: arn, functionError: false }),
      () => {},
    );
  }

  test('has its routes, limits and authorizer', async () => {
    const { routes, throttle, stage } = read({});
    const [route] = routes;
    assert.deepEqual([stage, throttle], ['$default', { rateLimit: 1, burstLimit: 2 }]);
    assert.deepEqual([routes.length, route?.key, route?.limitMs], [1, '$default', 29_000]);
    assert.deepEqual(route?.authorizer?.identitySource, ['$context.identity.sourceIp']);
    assert.equal(route?.authorizer?.ttlSeconds, 300);
    assert.match((await route?.invoke(''))?.payload ?? '', /:S-Fn-/);
    assert.match((await route?.authorizer?.invoke(''))?.payload ?? '', /:S-Guard-/);
  });

  const wrong: readonly (readonly [
    name: string,
    changes: Readonly<Record<string, object>>,
    message: RegExp,
  ])[] = [
    ['CORS', { Api: { CorsConfiguration: {} } }, /CorsConfiguration/],
    ['stage variables', { Stage: { StageVariables: {} } }, /StageVariables/],
    ['payload format 1.0', { Forward: { PayloadFormatVersion: '1.0' } }, /PayloadFormatVersion "1.0"/],
    [
      'an authorizer that gives policies',
      { Source: { EnableSimpleResponses: false } },
      /EnableSimpleResponses/,
    ],
    ['an open route', { Route: { AuthorizationType: 'NONE' } }, /AuthorizationType "NONE"/],
    ['no permission to forward', { AllowFn: { SourceArn: 'arn:x' } }, /may not invoke .*:S-Fn-/],
    ['no permission to ask', { AllowGuard: { Principal: 'x' } }, /may not invoke .*:S-Guard-/],
  ];
  for (const [name, changes, message] of wrong)
    test(`is an error with ${name}`, () => assert.throws(() => read(changes), message));

  test('is an error with a permission of which not all is known', () => {
    const stack = stackOf({ P: { Type: 'AWS::Lambda::Permission', Properties: { PrincipalOrgID: 'o-1' } } });
    assert.throws(() => mayInvoke(stack, 'x', 'y', { account: '1' }), /PrincipalOrgID/);
  });
});
