import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { grantSecrets, requireEnvironment } from '../../lib/secret-references.ts';

function functionIn(stack: Stack): LambdaFunction {
  return new LambdaFunction(stack, 'Fn', {
    code: Code.fromInline('exports.handler = () => {}'),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_LATEST,
  });
}

function grantsFor(references: readonly string[]): readonly (readonly [action: string, resource: string])[] {
  const stack = new Stack(new App(), 'S', { env: { account: '123456789012', region: 'eu-west-1' } });
  grantSecrets(functionIn(stack), references);
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  return statements.flatMap(({ Effect, Action, Resource }) =>
    [Resource].flat().map((one) => [`${Effect} ${Action}`, written(one)] as const),
  );
}

/** An ARN with the partition that CloudFormation fills in. */
function written(resource: string | { 'Fn::Join': [string, (string | object)[]] }): string {
  if (typeof resource === 'string') return resource;
  return resource['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'aws')).join('');
}

test('a reference allows its own secret and no other: the only wildcard is the suffix that Secrets Manager adds', () => {
  const secrets = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret';
  const parameters = 'arn:aws:ssm:eu-west-1:123456789012:parameter';
  const grants = grantsFor([
    'secretsmanager:postern/github#key',
    'secretsmanager:a_b+c=d.e@f-g',
    `secretsmanager:${secrets}:hook-AbCdEf#key`,
    'ssm:/hooks/github:3',
    'ssm:plain',
    `ssm:${parameters}/hooks/gitlab:3`,
    'env:A',
  ]);
  assert.deepEqual(grants, [
    ['Allow secretsmanager:GetSecretValue', `${secrets}:postern/github-??????`],
    ['Allow secretsmanager:GetSecretValue', `${secrets}:a_b+c=d.e@f-g-??????`],
    ['Allow secretsmanager:GetSecretValue', `${secrets}:hook-AbCdEf`],
    ['Allow ssm:GetParameter', `${parameters}/hooks/github`],
    ['Allow ssm:GetParameter', `${parameters}/plain`],
    ['Allow ssm:GetParameter', `${parameters}/hooks/gitlab`],
  ]);
});

test('references to what is not in AWS allow nothing', () => {
  assert.deepEqual(grantsFor(['env:A', 'file:/run/secrets/a']), []);
});

test('a function gets its secrets from AWS or from variables that are there, and never from files', () => {
  requireEnvironment('postern.yaml', ['env:A', 'secretsmanager:a', 'ssm:/a'], { A: '' });
  for (const [reference, message] of [
    ['env:A', /names the secret env:A, and environment has no A/],
    ['env:toString', /environment has no toString/],
    ['file:/a', /names the secret file:\/a, and a function has no such file/],
  ] as const)
    assert.throws(() => requireEnvironment('postern.yaml', [reference], {}), message);
});

for (const reference of [
  'secretsmanager:*',
  'secretsmanager:a*',
  'secretsmanager:?',
  'secretsmanager:arn:*',
  'secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:*',
  'secretsmanager:\x24{aws:PrincipalTag/a}',
  'ssm:*',
  'ssm:/*',
  'ssm:arn:aws:ssm:*:123456789012:parameter/a',
]) {
  test(`a reference that would become a wildcard of IAM is refused: ${reference}`, () => {
    const stack = new Stack(new App(), 'S');
    const fn = functionIn(stack);
    assert.throws(() => grantSecrets(fn, [reference]), /expected a reference to a secret/);
    assert.throws(
      () => requireEnvironment('postern.yaml', [reference], {}),
      /expected a reference to a secret/,
    );
  });
}
