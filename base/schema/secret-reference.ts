import { CodedError } from '../coded-error.ts';

/** The parts of a reference to a secret: `env:NAME`, `file:PATH`, `secretsmanager:ID[#key]` or `ssm:NAME`. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'secretsmanager'; readonly id: string; readonly key: string | undefined }
  | { readonly kind: 'ssm'; readonly name: string };

/**
 * Only names that AWS allows: they become resources in IAM policies, where `*`, `?` and `${` have a meaning.
 *
 * Sources: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html (Name),
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html (names and labels)
 */
const secretName = '[A-Za-z0-9/_+=.@-]{1,519}';
const parameterName = '[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*';
const selector = '(?::[A-Za-z0-9._-]{1,100})?';
const arnOf = (service: string) => `arn:aws(?:-[a-z]+)*:${service}:[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}:[0-9]{12}`;
const secretId = `${secretName}|${arnOf('secretsmanager')}:secret:${secretName}`;
const parameterId = `(?:/?${parameterName}|${arnOf('ssm')}:parameter/${parameterName})${selector}`;

/** The pattern of a whole reference; the schema of the configuration has it too. */
export const referencePattern = new RegExp(
  `^(?:env:([A-Za-z_][A-Za-z0-9_]*)|file:([^\\x00-\\x1f\\x7f]+)|secretsmanager:(${secretId})(?:#([^\\x00-\\x1f\\x7f]+))?|ssm:(${parameterId}))$`,
);

/** The message for a wrong reference. It never quotes the text, which may be the secret itself. */
export const referenceExpected =
  'expected a reference to a secret: env:NAME, file:PATH, secretsmanager:ID[#key] or ssm:NAME, with a name as AWS allows it';

/**
 * Splits a reference into its parts.
 *
 * @throws Error that says what a reference looks like, without the text
 */
export function parseReference(text: string): SecretReference {
  const match = text.length <= 4_096 ? referencePattern.exec(text) : null;
  if (match === null) throw new CodedError('secret:reference', referenceExpected);
  const [, variable, path, id, key, parameter] = match;
  if (variable !== undefined) return { kind: 'env', name: variable };
  if (path !== undefined) return { kind: 'file', path };
  if (id !== undefined) return { kind: 'secretsmanager', id, key };
  return { kind: 'ssm', name: parameter as string };
}
