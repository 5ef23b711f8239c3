import { Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

/** What reading takes of a customer's key, and what writing a new value takes beside it. */
const actions = { read: ['kms:Decrypt'], write: ['kms:Decrypt', 'kms:GenerateDataKey'] } as const;

/**
 * Allows a role to use a key of one's own through one service of AWS, and in no other way.
 *
 * It stands in the role's policy: a grant through a service goes to the key's policy in the CDK, and of a key that is imported
 * that is nothing. The key's policy must trust the account's roles, as that of every new key does.
 */
export function allowKey(
  grantee: IGrantable,
  key: IKey,
  service: 'secretsmanager' | 'ssm',
  use: 'read' | 'write',
): void {
  const { region } = Stack.of(key);
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: [...actions[use]],
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` } },
    }),
  );
}

/** Allows a role to read the values of one secret, and nothing else of it. */
export function allowSecret(grantee: IGrantable, secret: ISecret): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }),
  );
  if (secret.encryptionKey !== undefined) allowKey(grantee, secret.encryptionKey, 'secretsmanager', 'read');
}
