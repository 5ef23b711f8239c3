export { AwsError, type AwsFailure, type AwsOptions, getParameter, getSecretValue } from './aws.ts';
export { createSecrets } from './secrets.ts';
export { type UncheckedSecrets, uncheckedSecrets } from './unchecked.ts';
