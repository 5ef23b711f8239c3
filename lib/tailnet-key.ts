import { Duration, Lazy, type RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import {
  AnyPrincipal,
  Effect,
  Grant,
  type IGrantable,
  type IPrincipal,
  type IRole,
  PolicyStatement,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunctionResource } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnRotationSchedule, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { VariableName } from '../functions/variables.ts';
import { allowKey } from './key-use.ts';
import { PosternFunction } from './postern-function.ts';
import { InvalidProps } from './problem.ts';
import type { TailnetKeyIssuer } from './tailnet-key-issuer.ts';

export interface TailnetKeyProps {
  /** The issuer of the keys. */
  readonly issuer: TailnetKeyIssuer;
  /** The tags of nodes that join with the key, such as `tag:postern`. The issuer's credentials must be allowed to give them. */
  readonly tags: readonly string[];
  /**
   * How often a new key is made. The one before stays valid until the next time, so a function that has read it can still join.
   *
   * @default - every 60 days; keys live for 90
   */
  readonly rotateEvery?: Duration;
  /**
   * A key of your own that encrypts the secret.
   *
   * @default - the account's `aws/secretsmanager` key
   */
  readonly encryptionKey?: IKey;
  /**
   * Roles of other stacks that may read the key too, by ARN; they need the permission in their own policies as well.
   *
   * @default - only those given to `grantRead`
   */
  readonly readerRoleArns?: readonly string[];
  /**
   * How long the rotation's log is kept.
   *
   * @default - three months, so that the log still has the last rotation
   */
  readonly logRetention?: RetentionDays;
  /**
   * What happens to the secret when it is removed from the stack.
   *
   * @default - it is deleted with the stack, because a new key can be made
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** Issuers make keys for 90 days at most, and two of them have to overlap. */
const longestRotationDays = 80;

/**
 * The auth key of the tailnet in Secrets Manager, and the rotation that makes a new one every 60 days.
 *
 * Two policies have to agree on who may read it: the reader's own, and the secret's, which denies
 * everyone who was not given to `grantRead`, also administrators of the account (they can change the policy, which is logged).
 */
export class TailnetKey extends Construct {
  readonly secret: Secret;
  readonly rotation: LambdaFunctionResource;
  readonly issuer: TailnetKeyIssuer;
  readonly #readers: Set<string>;

  constructor(scope: Construct, id: string, props: TailnetKeyProps) {
    super(scope, id);
    const { issuer, tags, rotateEvery = Duration.days(60), encryptionKey, removalPolicy } = props;
    checkTags(tags);
    checkPeriod(rotateEvery);
    this.issuer = issuer;
    this.#readers = new Set(props.readerRoleArns);
    this.secret = new Secret(this, 'Secret', {
      // Until the first rotation, which runs at once, it holds a random text that is not a key.
      description: 'The auth key with which Postern joins the tailnet; its rotation writes it',
      ...(encryptionKey !== undefined && { encryptionKey }),
      ...(removalPolicy !== undefined && { removalPolicy }),
    });
    this.rotation = this.#makeRotation(props);
    this.#denyOthers();
    this.#schedule(rotateEvery);
  }

  /** Allows a function or another role of the same stack to read the key. */
  grantRead(grantee: IGrantable): Grant {
    const role = roleOf(grantee.grantPrincipal);
    if (role === undefined)
      throw new InvalidProps(
        'TailnetKey',
        'grantRead takes a role, or something that has one, such as a function',
      );
    if (Stack.of(role) !== Stack.of(this)) {
      throw new InvalidProps(
        'TailnetKey',
        `${role.node.path} belongs to another stack, and the two stacks would depend on each other; give the role a name, pass its ARN as readerRoleArns, and allow it secretsmanager:GetSecretValue there`,
      );
    }
    this.#readers.add(role.roleArn);
    const { encryptionKey } = this.secret;
    if (encryptionKey !== undefined) allowKey(role, encryptionKey, 'secretsmanager', 'read');
    // The secret's own grantRead would also allow reading its description and its rotation.
    return Grant.addToPrincipal({
      grantee: role,
      actions: ['secretsmanager:GetSecretValue'],
      resourceArns: [this.secret.secretArn],
    });
  }

  #makeRotation({ issuer, tags, encryptionKey, logRetention }: TailnetKeyProps): LambdaFunctionResource {
    const environment: Partial<Record<VariableName, string>> = {
      POSTERN_TAILNET_SECRET_ID: this.secret.secretArn,
      POSTERN_TAILNET_TAGS: tags.join(','),
      POSTERN_ROTATION_ISSUER: issuer.kind,
      POSTERN_ROTATION_CREDENTIALS_ID: issuer.credentials.secretArn,
      ...(issuer.controlUrl !== undefined && { POSTERN_TAILNET_API_URL: issuer.controlUrl }),
    };
    const rotation = new PosternFunction(this, 'Rotation', {
      name: 'rotation',
      description: 'Makes a new auth key for the tailnet and revokes the one before the last',
      timeout: Duration.minutes(2),
      environment,
      ...(logRetention !== undefined && { logRetention }),
    });
    issuer.credentials.grantRead(rotation);
    rotation.addToRolePolicy(
      new PolicyStatement({
        actions: [
          'secretsmanager:DescribeSecret',
          'secretsmanager:GetSecretValue',
          'secretsmanager:ListSecretVersionIds',
          'secretsmanager:PutSecretValue',
          'secretsmanager:UpdateSecretVersionStage',
        ],
        resources: [this.secret.secretArn],
      }),
    );
    if (encryptionKey !== undefined) allowKey(rotation, encryptionKey, 'secretsmanager', 'write');
    const { encryptionKey: issuerKey } = issuer.credentials;
    if (issuerKey !== undefined) allowKey(rotation, issuerKey, 'secretsmanager', 'read');
    this.#readers.add((rotation.role as IRole).roleArn);
    rotation.addPermission('RotateSecret', {
      principal: new ServicePrincipal('secretsmanager.amazonaws.com'),
      // The function may not rotate any other secret of the account.
      sourceArn: this.secret.secretArn,
      sourceAccount: Stack.of(this).account,
    });
    return rotation;
  }

  #denyOthers(): void {
    this.secret.addToResourcePolicy(
      new PolicyStatement({
        sid: 'OnlyReaders',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['secretsmanager:GetSecretValue'],
        resources: ['*'],
        conditions: {
          ArnNotEquals: { 'aws:PrincipalArn': Lazy.list({ produce: () => [...this.#readers] }) },
        },
      }),
    );
  }

  #schedule(rotateEvery: Duration): void {
    const schedule = new CfnRotationSchedule(this, 'Schedule', {
      secretId: this.secret.secretArn,
      rotationLambdaArn: this.rotation.functionArn,
      rotationRules: { automaticallyAfterDays: rotateEvery.toDays() },
      rotateImmediatelyOnUpdate: true,
    });
    // It rotates at once, so the function needs its permissions before.
    schedule.node.addDependency(this.rotation, this.rotation.role as IRole, this.secret);
    new Rule(this, 'DailyCheck', {
      description: 'Asks how many days the auth key of the tailnet is still valid',
      schedule: Schedule.rate(Duration.days(1)),
      targets: [
        new LambdaFunction(this.rotation, { event: RuleTargetInput.fromObject({ check: 'expiry' }) }),
      ],
    });
  }
}

function roleOf(principal: IPrincipal): IRole | undefined {
  return 'roleArn' in principal ? (principal as IRole) : undefined;
}

function checkTags(tags: readonly string[]): void {
  const wrong = tags.find((tag) => !/^tag:[A-Za-z0-9][A-Za-z0-9._-]*$/.test(tag));
  if (tags.length === 0 || wrong !== undefined) {
    throw new InvalidProps(
      'TailnetKey',
      `tags is ${JSON.stringify(tags)}; name at least one tag that the issuer's credentials may give, such as "tag:postern"`,
    );
  }
}

function checkPeriod(rotateEvery: Duration): void {
  const days = rotateEvery.toDays({ integral: false });
  if (!Number.isInteger(days) || days < 1 || days > longestRotationDays) {
    throw new InvalidProps(
      'TailnetKey',
      `rotateEvery is ${days} days; give whole days from 1 to ${longestRotationDays}, because keys live for 90 at most and two of them overlap`,
    );
  }
}
