import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { RotationError } from './errors.ts';

export type Stage = 'AWSCURRENT' | 'AWSPENDING' | 'AWSPREVIOUS';

/** What a secret is, without its values. */
export interface SecretShape {
  readonly rotationEnabled: boolean;
  /** Undefined when the schedule is an expression. */
  readonly rotateEveryDays: number | undefined;
  /** The labels of each version that has any. */
  readonly stages: Readonly<Record<string, readonly string[]>>;
}

/** The versions of secrets in Secrets Manager. Every method throws a RotationError that names the secret. */
export interface SecretStore {
  describe(secretId: string): Promise<SecretShape>;
  /** The text of one version, or undefined if it has no text or does not exist. */
  read(
    secretId: string,
    version: { readonly id: string } | { readonly stage: Stage },
  ): Promise<string | undefined>;
  /** Makes the version AWSPENDING with this text; the same again changes nothing, another text is an error. */
  putPending(secretId: string, versionId: string, text: string): Promise<void>;
  /** Moves a label from one version to another, or removes it. */
  moveStage(secretId: string, stage: Stage, from: string | undefined, to: string | undefined): Promise<void>;
  /** The newest versions that have lost all labels. AWS keeps a hundred versions and may delete these. */
  unlabelled(secretId: string): Promise<readonly string[]>;
}

const maxUnlabelled = 20;

/** For the region and with the credentials that Lambda sets in the environment. The SDK makes three attempts. */
export function connectSecretStore(): SecretStore {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  return createSecretStore(new SecretsManagerClient({ requestHandler }));
}

/** Needs DescribeSecret, GetSecretValue, PutSecretValue, UpdateSecretVersionStage and ListSecretVersionIds. */
export function createSecretStore(client: Pick<SecretsManagerClient, 'send'>): SecretStore {
  return {
    async describe(secretId) {
      const found = await client
        .send(new DescribeSecretCommand({ SecretId: secretId }))
        .catch(explain('DescribeSecret', secretId));
      return {
        rotationEnabled: found.RotationEnabled === true,
        rotateEveryDays: found.RotationRules?.AutomaticallyAfterDays,
        stages: Object.fromEntries(
          Object.entries(found.VersionIdsToStages ?? {}).filter(([, labels]) => labels.length > 0),
        ),
      };
    },
    async read(secretId, version) {
      const which = 'id' in version ? { VersionId: version.id } : { VersionStage: version.stage };
      try {
        const found = await client.send(new GetSecretValueCommand({ SecretId: secretId, ...which }));
        return found.SecretString;
      } catch (error) {
        // A version that AWS made for a rotation has no value until the function puts one there.
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
        return explain('GetSecretValue', secretId)(error);
      }
    },
    async putPending(secretId, versionId, text) {
      const input = {
        SecretId: secretId,
        ClientRequestToken: versionId,
        SecretString: text,
        VersionStages: ['AWSPENDING'],
      };
      await client.send(new PutSecretValueCommand(input)).catch(explain('PutSecretValue', secretId));
    },
    async moveStage(secretId, stage, from, to) {
      const input = {
        SecretId: secretId,
        VersionStage: stage,
        ...(from === undefined ? {} : { RemoveFromVersionId: from }),
        ...(to === undefined ? {} : { MoveToVersionId: to }),
      };
      await client
        .send(new UpdateSecretVersionStageCommand(input))
        .catch(explain('UpdateSecretVersionStage', secretId));
    },
    async unlabelled(secretId) {
      const input = { SecretId: secretId, IncludeDeprecated: true, MaxResults: 100 };
      const { Versions = [] } = await client
        .send(new ListSecretVersionIdsCommand(input))
        .catch(explain('ListSecretVersionIds', secretId));
      return Versions.filter(({ VersionStages = [] }) => VersionStages.length === 0)
        .toSorted((a, b) => Number(b.CreatedDate ?? 0) - Number(a.CreatedDate ?? 0))
        .flatMap(({ VersionId }) => VersionId ?? [])
        .slice(0, maxUnlabelled);
    },
  };
}

/** AWS's own words name principals, actions and versions; they hold no value of a secret. */
function explain(action: string, secretId: string): (error: unknown) => never {
  return function rethrow(error: unknown): never {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    throw new RotationError('rotation:store', `${action} of ${secretId}: ${name}: ${message.slice(0, 300)}`);
  };
}
