export { createSecrets } from './secrets.ts';
export { uncheckedSecrets } from './unchecked.ts';
