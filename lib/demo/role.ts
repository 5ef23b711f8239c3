import { Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { TailnetKey } from '../tailnet-key.ts';
import type { TailnetKeyIssuer } from '../tailnet-key-issuer.ts';

/** Where the instance's auth key comes from. */
export interface KeySource {
  /**
   * The secret with the auth key that the instance joins with: only the key, or JSON with the field `key`. Only its
   * reading is granted. A secret whose resource policy names its readers must name this stack's role too.
   *
   * @default - the secret named `postern/demo-auth-key`, which has to be there
   */
  readonly key?: secretsmanager.ISecret;
  /**
   * Who makes the key, instead of `key`: then the stack has its own `TailnetKey`, with `tailnetTags` (or
   * `tag:postern-demo`), that only the instance may read.
   *
   * @default - nobody; the key is there
   */
  readonly issuer?: TailnetKeyIssuer;
}

/** The instance's role: only a session. AmazonSSMManagedInstanceCore would grant more, such as reading all parameters. */
export function makeRole(scope: Construct): iam.Role {
  const role = new iam.Role(scope, 'Role', {
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    description: 'The demo target: a shell through Session Manager, and its auth key',
  });
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'SessionManager',
      actions: [
        'ssm:UpdateInstanceInformation',
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
      ],
      resources: ['*'],
    }),
  );
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'The agent of Session Manager: ssmmessages has no resources, and the instance is not known to its own role',
  });
  return role;
}

/** Finds or makes the secret with the auth key, and lets the role read it. */
export function readableKey(
  scope: Construct,
  { key, issuer }: KeySource,
  tags: readonly string[],
  role: iam.Role,
): { secret: secretsmanager.ISecret; reading: iam.Grant } {
  if (issuer !== undefined) {
    const own = new TailnetKey(scope, 'Key', {
      issuer,
      tags: tags.length > 0 ? tags : ['tag:postern-demo'],
    });
    return { secret: own.secret as secretsmanager.ISecret, reading: own.grantRead(role) };
  }
  const secret = key ?? secretsmanager.Secret.fromSecretNameV2(scope, 'AuthKey', 'postern/demo-auth-key');
  return { secret, reading: secret.grantRead(role) };
}
