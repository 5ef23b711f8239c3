import { withoutFinalLineBreak } from '../secret-bytes.ts';
import { AwsError, type AwsOptions, type AwsRefusal } from './call.ts';
import { callAwsJson } from './json.ts';

export { AwsError, type AwsFailure, type AwsOptions } from './call.ts';

/**
 * Reads the current or the previous value of a secret from AWS Secrets Manager, as bytes, without one line break at the end.
 *
 * `secretId` is a name or an ARN. The region of an ARN takes precedence over the region of the environment.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 *
 * @throws AwsError that names the secret and says what to do
 */
export async function getSecretValue(
  secretId: string,
  options: AwsOptions,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS' = 'AWSCURRENT',
): Promise<Uint8Array> {
  const result = await callAwsJson(
    {
      service: 'secretsmanager',
      endpointVariable: 'SECRETS_MANAGER',
      target: 'secretsmanager.GetSecretValue',
      // This stage is AWS's default. It is named because emulators return another version without it.
      body: { SecretId: secretId, VersionStage: stage },
      region: regionOfArn(secretId),
    },
    options,
  ).catch(nameSubject(`the secret ${secretId}`));
  if (!result.ok)
    throw explain(result.refusal, `the secret ${secretId}`, 'secretsmanager:GetSecretValue', options);
  const { SecretString, SecretBinary } = result.value;
  if (typeof SecretString === 'string') return withoutFinalLineBreak(Buffer.from(SecretString, 'utf8'));
  if (typeof SecretBinary === 'string') return withoutFinalLineBreak(Buffer.from(SecretBinary, 'base64'));
  throw new AwsError('missing', `the secret ${secretId} has no value; set one`);
}

/**
 * Reads a parameter from AWS Systems Manager as bytes, decrypted if it is a SecureString, without one line break at the end.
 *
 * Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 *
 * @throws AwsError that names the parameter and says what to do
 */
export async function getParameter(name: string, options: AwsOptions): Promise<Uint8Array> {
  const result = await callAwsJson(
    {
      service: 'ssm',
      endpointVariable: 'SSM',
      target: 'AmazonSSM.GetParameter',
      body: { Name: name, WithDecryption: true },
      region: regionOfArn(name),
    },
    options,
  ).catch(nameSubject(`the parameter ${name}`));
  if (!result.ok) throw explain(result.refusal, `the parameter ${name}`, 'ssm:GetParameter', options);
  const { Value } = (result.value.Parameter ?? {}) as { Value?: unknown };
  if (typeof Value === 'string') return withoutFinalLineBreak(Buffer.from(Value, 'utf8'));
  throw new AwsError('missing', `the parameter ${name} has no value`);
}

/** `arn:PARTITION:SERVICE:REGION:ACCOUNT:…` */
function regionOfArn(id: string): string | undefined {
  return id.startsWith('arn:') ? id.split(':')[3] || undefined : undefined;
}

function nameSubject(subject: string): (error: unknown) => never {
  return function rethrow(error: unknown): never {
    if (error instanceof AwsError) throw new AwsError(error.failure, `${subject}: ${error.message}`);
    throw error;
  };
}

function explain(
  { status, type, message }: AwsRefusal,
  subject: string,
  action: string,
  { env }: AwsOptions,
): AwsError {
  const said = `AWS answered ${`${status} ${type}`.trim()}`;
  switch (type === 'AccessDeniedException' && /\bKMS\b/i.test(message) ? 'DecryptionFailure' : type) {
    case 'AccessDeniedException':
      // AWS's message names the principal, the action and the policy that denied it; it contains no value.
      return new AwsError(
        'forbidden',
        `${subject} may not be read: ${said}: ${message}; allow ${action} on it in the role's policy`,
      );
    case 'DecryptionFailure':
    case 'InvalidKeyId':
      return new AwsError(
        'forbidden',
        `${subject} cannot be decrypted: ${said}; allow kms:Decrypt on its key in the role's policy`,
      );
    case 'ResourceNotFoundException':
    case 'ParameterNotFound':
    case 'ParameterVersionNotFound':
      return new AwsError(
        'missing',
        `${subject} does not exist or has no current value: ${said}; check the name and the region (AWS_REGION is ${env.AWS_REGION ?? 'not set'})`,
      );
    case 'InvalidRequestException':
      return new AwsError('missing', `${subject} cannot be read: ${said}: ${message}`);
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
    case 'ExpiredTokenException':
    case 'IncompleteSignature':
      return new AwsError(
        'forbidden',
        `${subject} may not be read: ${said}; the AWS credentials are wrong or expired, or this machine's clock is`,
      );
    default:
      return new AwsError('misconfigured', `${subject} was not read: ${said}: ${message}`);
  }
}
