import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { parseReference } from '../base/schema/secret-reference.ts';
import { allowKey } from './key-use.ts';
import { InvalidProps } from './problem.ts';

/** Allows a function to read the secrets that a configuration names, each by itself, and to decrypt them with customer keys. */
export function grantSecrets(
  fn: LambdaFunction,
  references: readonly string[],
  keys: readonly IKey[] = [],
): void {
  const arns = { secretsmanager: new Set<string>(), ssm: new Set<string>() };
  for (const text of references) {
    const reference = parseReference(text);
    if (reference.kind === 'secretsmanager') arns.secretsmanager.add(secretArn(fn, reference.id));
    if (reference.kind === 'ssm') arns.ssm.add(parameterArn(fn, reference.name));
  }
  allow(fn, 'secretsmanager:GetSecretValue', arns.secretsmanager);
  allow(fn, 'ssm:GetParameter', arns.ssm);
  for (const key of keys) {
    if (arns.secretsmanager.size > 0) allowKey(fn, key, 'secretsmanager', 'read');
    if (arns.ssm.size > 0) allowKey(fn, key, 'ssm', 'read');
  }
}

/** @throws InvalidProps for the first `env:NAME` that is not given, and for files, which a function does not have */
export function requireEnvironment(
  config: string,
  references: readonly string[],
  environment: Readonly<Record<string, string>>,
): void {
  for (const text of references) {
    const reference = parseReference(text);
    if (reference.kind === 'file') {
      throw new InvalidProps(
        'WebhookGateway',
        `${config} names the secret ${text}, and a function has no such file; keep it in Secrets Manager and name it secretsmanager:ID`,
      );
    }
    if (reference.kind === 'env' && !Object.hasOwn(environment, reference.name)) {
      throw new InvalidProps(
        'WebhookGateway',
        `${config} names the secret ${text}, and environment has no ${reference.name}; keep it in Secrets Manager and name it secretsmanager:ID, or give environment: { ${reference.name}: … }`,
      );
    }
  }
}

function allow(fn: LambdaFunction, action: string, arns: ReadonlySet<string>): void {
  if (arns.size > 0) fn.addToRolePolicy(new PolicyStatement({ actions: [action], resources: [...arns] }));
}

/** Secrets Manager adds a hyphen and six characters to a name. */
function secretArn(fn: LambdaFunction, id: string): string {
  if (id.startsWith('arn:')) return id;
  return Stack.of(fn).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${id}-??????`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** Without a version or a label after the name (`NAME:3`), which is not part of the resource. */
function parameterArn(fn: LambdaFunction, name: string): string {
  if (name.startsWith('arn:')) return name.split(':').slice(0, 6).join(':');
  return Stack.of(fn).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: name.replace(/^\//, '').replace(/:.*/, ''),
  });
}
