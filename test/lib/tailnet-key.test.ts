import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration, type Stack } from 'aws-cdk-lib';
import type { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TailnetKey, type TailnetKeyProps } from '../../lib/tailnet-key.ts';
import { TailnetKeyIssuer } from '../../lib/tailnet-key-issuer.ts';
import { propertiesOf, render, rightsOf, templateOf } from './template.ts';

const service = new ServicePrincipal('lambda.amazonaws.com');
const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000';

function keyTemplate(
  change: (stack: Stack) => Partial<TailnetKeyProps> = () => ({}),
  then: (key: TailnetKey, stack: Stack) => void = () => {},
): Template {
  return templateOf((stack) => {
    const oauthClient = Secret.fromSecretNameV2(stack, 'OAuthClient', 'client');
    const issuer = TailnetKeyIssuer.tailscale({ oauthClient });
    then(new TailnetKey(stack, 'Key', { issuer, tags: ['tag:postern'], ...change(stack) }), stack);
  });
}

/** The roles that the secret's own policy lets through. */
function readersOf(template: Template): unknown {
  const { ResourcePolicy } = propertiesOf(template, 'AWS::SecretsManager::ResourcePolicy') as {
    ResourcePolicy: { Statement: { Condition: { ArnNotEquals: Record<string, unknown> } }[] };
  };
  return ResourcePolicy.Statement[0]?.Condition.ArnNotEquals['aws:PrincipalArn'];
}

test('before anyone is granted it, the rotation alone can read the key', () => {
  assert.deepEqual(readersOf(keyTemplate()), ['<KeyRotationRole.Arn>']);
});

test('a role that is granted it later, or named by its ARN, is let through; reading is all that it may', () => {
  const foreign = 'arn:aws:iam::123456789012:role/demo';
  const template = keyTemplate(
    () => ({ readerRoleArns: [foreign] }),
    (key, stack) => key.grantRead(new Role(stack, 'Reader', { assumedBy: service })),
  );
  assert.deepEqual(readersOf(template), [foreign, '<KeyRotationRole.Arn>', '<Reader.Arn>']);
  assert.deepEqual(rightsOf(template)['<Reader>'], ['secretsmanager:GetSecretValue on <KeySecret>']);
});

test('it rotates at once and then every 60 days, when everything that rotating takes is there', () => {
  const template = keyTemplate();
  const { RotationRules, RotateImmediatelyOnUpdate, SecretId } = propertiesOf(
    template,
    'AWS::SecretsManager::RotationSchedule',
  );
  assert.deepEqual(RotationRules, { AutomaticallyAfterDays: 60 });
  assert.equal(RotateImmediatelyOnUpdate, true);
  assert.equal(SecretId, '<KeySecret>');
  const [schedule] = Object.values(template.findResources('AWS::SecretsManager::RotationSchedule'));
  const first = (schedule?.DependsOn ?? []) as readonly string[];
  const before = first.map((id) => id.replace(/[0-9A-F]{8}$/, ''));
  for (const needed of [
    'KeyRotation',
    'KeyRotationRoleDefaultPolicy',
    'KeyRotationRotateSecret',
    'KeySecretPolicy',
  ])
    assert.ok(before.includes(needed), `${needed} comes first; first come ${before.join(', ')}`);
  const often = propertiesOf(
    keyTemplate(() => ({ rotateEvery: Duration.days(7) })),
    'AWS::SecretsManager::RotationSchedule',
  );
  assert.deepEqual(often.RotationRules, { AutomaticallyAfterDays: 7 });
});

test('the rotation is called by Secrets Manager for this one secret of this account, and once a day to say how long the key lives', () => {
  const template = keyTemplate();
  const permissions = Object.values(template.findResources('AWS::Lambda::Permission')).map(
    ({ Properties }) => Properties,
  );
  const rotating = permissions.find(({ Principal }) => Principal === 'secretsmanager.amazonaws.com');
  assert.deepEqual(rotating?.SourceAccount, { Ref: 'AWS::AccountId' });
  assert.equal(render(rotating?.SourceArn), '<KeySecret>');
  const { ScheduleExpression, Targets } = propertiesOf(template, 'AWS::Events::Rule');
  assert.equal(ScheduleExpression, 'rate(1 day)');
  assert.deepEqual((Targets as { Input: string }[])[0]?.Input, '{"check":"expiry"}');
});

test('the rotation finds its issuer and its credentials in its environment, by reference', () => {
  const { Environment } = propertiesOf(keyTemplate(), 'AWS::Lambda::Function');
  assert.deepEqual(Environment, {
    Variables: {
      POSTERN_TAILNET_SECRET_ID: '<KeySecret>',
      POSTERN_TAILNET_TAGS: 'tag:postern',
      POSTERN_ROTATION_ISSUER: 'tailscale',
      POSTERN_ROTATION_CREDENTIALS_ID:
        'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:client',
    },
  });
});

test("with a customer's key the rotation may encrypt and readers decrypt, only through Secrets Manager", () => {
  for (const imported of [true, false]) {
    const template = keyTemplate(
      (stack) => ({
        encryptionKey: imported ? Key.fromKeyArn(stack, 'Own', keyArn) : new Key(stack, 'Own'),
      }),
      (key, stack) => key.grantRead(new Role(stack, 'Reader', { assumedBy: service })),
    );
    const own = imported ? keyArn : '<Own.Arn>';
    const through = 'when {"StringEquals":{"kms:ViaService":"secretsmanager.<AWS::Region>.amazonaws.com"}}';
    const kms = (role: string) => rightsOf(template)[role]?.filter((right) => right.startsWith('kms:'));
    assert.equal(propertiesOf(template, 'AWS::SecretsManager::Secret').KmsKeyId, own);
    assert.deepEqual(kms('<Reader>'), [`kms:Decrypt on ${own} ${through}`]);
    assert.deepEqual(kms('<KeyRotationRole>'), [
      `kms:Decrypt on ${own} ${through}`,
      `kms:GenerateDataKey on ${own} ${through}`,
    ]);
  }
});

test("credentials under a customer's key can be read by the rotation", () => {
  const secretCompleteArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:client-AbCdEf';
  const template = keyTemplate((stack) => ({
    issuer: TailnetKeyIssuer.tailscale({
      oauthClient: Secret.fromSecretAttributes(stack, 'Encrypted', {
        secretCompleteArn,
        encryptionKey: Key.fromKeyArn(stack, 'Own', keyArn),
      }),
    }),
  }));
  const rights = rightsOf(template)['<KeyRotationRole>'] ?? [];
  assert.ok(
    rights.some((right) => right.startsWith(`kms:Decrypt on ${keyArn}`)),
    rights.join('\n'),
  );
});
