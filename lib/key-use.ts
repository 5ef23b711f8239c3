import { Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

/** The actions on a customer's key for reading, and those for writing a new value as well. */
const actions = { read: ['kms:Decrypt'], write: ['kms:Decrypt', 'kms:GenerateDataKey'] } as const;

/**
 * Allows a role to use a customer's key through one service of AWS only.
 *
 * It is in the role's policy: in the CDK a grant through a service goes to the key's policy, and for an imported key
 * that does nothing. The key's policy must trust the account's roles, as every new key's policy does.
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

/** Allows a role to read the values of one secret and nothing else. */
export function allowSecret(grantee: IGrantable, secret: ISecret): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }),
  );
  if (secret.encryptionKey !== undefined) allowKey(grantee, secret.encryptionKey, 'secretsmanager', 'read');
}
