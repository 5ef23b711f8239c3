import type { Plugin } from '../plugin/plugin.ts';
import { authorize } from './authorize.ts';
import { requestHeaders } from './request-headers.ts';
import { responseHeaders } from './response-headers.ts';
import { sizeLimit } from './size-limit.ts';
import { sourceIp } from './source-ip.ts';
import { webhook } from './webhook.ts';

/** Every plugin. To add one: its file, its test, its page, its line here. */
export const plugins: readonly Plugin[] = [
  sourceIp,
  sizeLimit,
  webhook,
  authorize,
  requestHeaders,
  responseHeaders,
];
