import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

const reference = 'https://docs.aws.amazon.com/secretsmanager/latest/apireference';

/** What one call is to fail with, and whether it was carried out all the same. */
export type Failure = 'before' | 'after';

interface Version {
  text: string | undefined;
  readonly stages: Set<string>;
  readonly created: number;
}

interface Secret {
  readonly versions: Map<string, Version>;
  rotationEnabled: boolean;
  everyDays: number | undefined;
}

class AwsFailure extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/**
 * Secrets Manager's versions and labels by AWS's rules, each with its page, behind the real SDK.
 *
 * moto differs: a GetSecretValue without a stage gives the old value after UpdateSecretVersionStage, a PutSecretValue that is
 * repeated takes AWSCURRENT away, and AWSPENDING stays where AWSCURRENT is moved to.
 */
export class FakeSecretsManager {
  readonly calls: string[] = [];
  /** Asked before each call of the SDK. */
  fail: (action: string) => Failure | undefined = () => undefined;
  readonly #secrets = new Map<string, Secret>();
  #clock = 1_000;

  /** A client of AWS's SDK that calls this instead of the network. */
  client(): SecretsManagerClient {
    const handle = async (request: { headers: Record<string, string>; body: string | Uint8Array }) => {
      const action = (request.headers['x-amz-target'] ?? '').replace('secretsmanager.', '');
      const { status, json } = this.#answer(action, JSON.parse(textOf(request.body)));
      const headers = { 'content-type': 'application/x-amz-json-1.1' };
      return { response: { statusCode: status, headers, body: Buffer.from(JSON.stringify(json)) } };
    };
    const config = {
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    };
    return new SecretsManagerClient({ ...config, requestHandler: { handle } as never });
  }

  /** Makes a secret whose first version is AWSCURRENT, with rotation by a function every `everyDays`. */
  create(name: string, text: string, everyDays?: number): void {
    const first = { text, stages: new Set(['AWSCURRENT']), created: this.#tick() };
    const versions = new Map([['first-version-first-version-first-v', first]]);
    this.#secrets.set(name, { versions, rotationEnabled: everyDays !== undefined, everyDays });
  }

  /** Puts a new version by hand, which becomes AWSCURRENT. */
  put(name: string, token: string, text: string): void {
    this.#carryOut('PutSecretValue', { SecretId: name, ClientRequestToken: token, SecretString: text });
  }

  setRotation(name: string, enabled: boolean): void {
    this.#secret(name).rotationEnabled = enabled;
  }

  /**
   * Begins a rotation as AWS does before it calls the function: a version without a value that is AWSPENDING.
   *
   * API_RotateSecret: while AWSPENDING is on a version that is not AWSCURRENT, a rotation is in progress and another is refused.
   * The version's id is the ClientRequestToken, 32 to 64 characters.
   */
  rotate(name: string, token: string): void {
    const secret = this.#secret(name);
    const pending = withStage(secret, 'AWSPENDING');
    if (pending !== undefined && !secret.versions.get(pending)?.stages.has('AWSCURRENT'))
      throw new AwsFailure('InvalidRequestException', 'A previous rotation is not complete');
    checkToken(token);
    if (pending !== undefined) secret.versions.get(pending)?.stages.delete('AWSPENDING');
    secret.versions.set(token, { text: undefined, stages: new Set(['AWSPENDING']), created: this.#tick() });
  }

  /** API_CancelRotateSecret: to start over after it, AWSPENDING has to be taken off by hand, which this does. */
  giveUp(name: string): void {
    const secret = this.#secret(name);
    const pending = withStage(secret, 'AWSPENDING');
    if (pending !== undefined) secret.versions.get(pending)?.stages.delete('AWSPENDING');
  }

  /** API_UpdateSecretVersionStage: a version without labels is deprecated and may be deleted by AWS at any time. */
  deleteDeprecated(name: string): void {
    const { versions } = this.#secret(name);
    for (const [id, { stages }] of versions) if (stages.size === 0) versions.delete(id);
  }

  /** The text and the labels of each version, oldest first. */
  versions(name: string): readonly {
    readonly id: string;
    readonly text: string | undefined;
    readonly stages: readonly string[];
  }[] {
    const entries = [...this.#secret(name).versions];
    return entries.map(([id, { text, stages }]) => ({ id, text, stages: [...stages].toSorted() }));
  }

  text(name: string, stage: string): string | undefined {
    return this.versions(name).find(({ stages }) => stages.includes(stage))?.text;
  }

  #answer(action: string, input: Input): { status: number; json: unknown } {
    this.calls.push(action);
    const failure = this.fail(action);
    try {
      if (failure === 'before') throw new AwsFailure('InternalServiceError', 'An error occurred', 500);
      const json = this.#carryOut(action, input);
      if (failure === 'after') throw new AwsFailure('InternalServiceError', 'An error occurred', 500);
      return { status: 200, json };
    } catch (error) {
      if (!(error instanceof AwsFailure)) throw error;
      return { status: error.status, json: { __type: error.type, message: error.message } };
    }
  }

  #carryOut(action: string, input: Input): unknown {
    const secret = this.#secret(input.SecretId);
    switch (action) {
      case 'DescribeSecret':
        return describe(secret);
      case 'GetSecretValue':
        return getValue(secret, input);
      case 'PutSecretValue':
        return this.#putValue(secret, input);
      case 'UpdateSecretVersionStage':
        return moveStage(secret, input);
      case 'ListSecretVersionIds':
        return listVersions(secret, input);
      default:
        throw new AwsFailure('InvalidAction', `${reference}: ${action} is not played`);
    }
  }

  /** API_PutSecretValue */
  #putValue(secret: Secret, input: Input): unknown {
    const { ClientRequestToken: token = '', SecretString: text } = input;
    checkToken(token);
    const there = secret.versions.get(token);
    if (there?.text !== undefined) {
      // A version that exists cannot be changed; the same data again does nothing.
      if (there.text !== text)
        throw new AwsFailure(
          'ResourceExistsException',
          `A version with the id ${token} exists and holds other data`,
        );
      return { VersionId: token, VersionStages: [...there.stages] };
    }
    const version = there ?? { text, stages: new Set<string>(), created: this.#tick() };
    version.text = text;
    secret.versions.set(token, version);
    // Without VersionStages it becomes AWSCURRENT.
    for (const stage of input.VersionStages ?? ['AWSCURRENT']) attach(secret, stage, token);
    return { VersionId: token, VersionStages: [...version.stages] };
  }

  #secret(name: string): Secret {
    const secret = this.#secrets.get(name);
    if (secret === undefined)
      throw new AwsFailure('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return secret;
  }

  #tick(): number {
    this.#clock += 1;
    return this.#clock;
  }
}

interface Input {
  readonly SecretId: string;
  readonly VersionId?: string;
  readonly VersionStage?: string;
  readonly ClientRequestToken?: string;
  readonly SecretString?: string;
  readonly VersionStages?: readonly string[];
  readonly RemoveFromVersionId?: string;
  readonly MoveToVersionId?: string;
  readonly IncludeDeprecated?: boolean;
}

/** API_DescribeSecret: VersionIdsToStages has the versions with labels, not the deprecated ones. */
function describe({ versions, rotationEnabled, everyDays }: Secret): unknown {
  const labelled = [...versions].filter(([, { stages }]) => stages.size > 0);
  return {
    RotationEnabled: rotationEnabled,
    ...(everyDays === undefined ? {} : { RotationRules: { AutomaticallyAfterDays: everyDays } }),
    VersionIdsToStages: Object.fromEntries(labelled.map(([id, { stages }]) => [id, [...stages]])),
  };
}

/** API_GetSecretValue: by id or by label, AWSCURRENT unless told; a version without a value is not found. */
function getValue(secret: Secret, { VersionId, VersionStage }: Input): unknown {
  const id = VersionId ?? withStage(secret, VersionStage ?? 'AWSCURRENT');
  const version = id === undefined ? undefined : secret.versions.get(id);
  if (version?.text === undefined)
    throw new AwsFailure(
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret value",
    );
  return { VersionId: id, SecretString: version.text, VersionStages: [...version.stages] };
}

/** API_UpdateSecretVersionStage */
function moveStage(
  secret: Secret,
  { VersionStage: stage = '', RemoveFromVersionId, MoveToVersionId }: Input,
): unknown {
  const holder = withStage(secret, stage);
  // When a label is on another version, RemoveFromVersionId must name that version.
  if (holder !== undefined && holder !== MoveToVersionId && holder !== RemoveFromVersionId)
    throw new AwsFailure(
      'InvalidParameterException',
      `The label ${stage} is on ${holder}: RemoveFromVersionId must say so`,
    );
  if (RemoveFromVersionId !== undefined && holder !== RemoveFromVersionId)
    throw new AwsFailure('InvalidParameterException', `The label ${stage} is not on ${RemoveFromVersionId}`);
  if (stage === 'AWSCURRENT' && MoveToVersionId === undefined)
    throw new AwsFailure('InvalidParameterException', 'AWSCURRENT can be moved and not removed');
  if (MoveToVersionId === undefined) secret.versions.get(RemoveFromVersionId ?? '')?.stages.delete(stage);
  else if (!secret.versions.has(MoveToVersionId))
    throw new AwsFailure('ResourceNotFoundException', `There is no version ${MoveToVersionId}`);
  else attach(secret, stage, MoveToVersionId);
  return {};
}

/** API_ListSecretVersionIds: deprecated versions only when they are asked for. */
function listVersions({ versions }: Secret, { IncludeDeprecated = false }: Input): unknown {
  const shown = [...versions].filter(([, { stages }]) => IncludeDeprecated || stages.size > 0);
  return {
    Versions: shown.map(([id, { stages, created }]) => ({
      ...{ VersionId: id, CreatedDate: created },
      ...(stages.size === 0 ? {} : { VersionStages: [...stages] }),
    })),
  };
}

/**
 * A label is on one version at a time. Whenever AWSCURRENT moves, AWSPREVIOUS goes to the version it came from
 * (API_UpdateSecretVersionStage, API_PutSecretValue), and AWSPENDING comes off the version it goes to (User Guide,
 * rotate-secrets_lambda-functions, finishSecret).
 */
function attach(secret: Secret, stage: string, id: string): void {
  const from = withStage(secret, stage);
  if (from === id) return;
  if (from !== undefined) secret.versions.get(from)?.stages.delete(stage);
  secret.versions.get(id)?.stages.add(stage);
  if (stage !== 'AWSCURRENT') return;
  secret.versions.get(id)?.stages.delete('AWSPENDING');
  if (from !== undefined) attach(secret, 'AWSPREVIOUS', from);
}

function textOf(body: string | Uint8Array): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body);
}

function withStage({ versions }: Secret, stage: string): string | undefined {
  return [...versions].find(([, { stages }]) => stages.has(stage))?.[0];
}

/** API_PutSecretValue, ClientRequestToken: length constraints. */
function checkToken(token: string): void {
  if (token.length < 32 || token.length > 64)
    throw new AwsFailure('InvalidParameterException', 'ClientRequestToken must have 32 to 64 characters');
}
