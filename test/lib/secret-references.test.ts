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

function resourcesFor(references: readonly string[]): readonly string[] {
  const stack = new Stack(new App(), 'S', { env: { account: '123456789012', region: 'eu-west-1' } });
  grantSecrets(functionIn(stack), references);
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  return policies.flatMap(({ Properties }) =>
    Properties.PolicyDocument.Statement.flatMap(({ Resource }: { Resource: unknown }) =>
      (Array.isArray(Resource) ? Resource : [Resource]).map((one) => JSON.stringify(one)),
    ),
  );
}

test('a reference allows its own secret and no other: the only wildcard is the suffix that Secrets Manager adds', () => {
  const resources = resourcesFor([
    'secretsmanager:postern/github#key',
    'secretsmanager:a_b+c=d.e@f-g',
    'secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-AbCdEf',
    'ssm:/hooks/github:3',
    'ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/hooks/github:3',
    'env:A',
  ]);
  assert.equal(resources.length, 5);
  for (const resource of resources) assert.doesNotMatch(resource.replace(/-\?{6}("|$)/, '$1'), /[*?]/);
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
