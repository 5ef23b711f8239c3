export {
  AwsError,
  type AwsFailure,
  type AwsOptions,
  getParameter,
  getSecretValue,
} from '../../base/aws/secrets.ts';
export { createSecrets } from './secrets.ts';
export { type UncheckedSecrets, uncheckedSecrets } from './unchecked.ts';
