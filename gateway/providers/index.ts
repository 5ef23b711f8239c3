import { github } from './github.ts';
import { hmac } from './hmac.ts';
import type { Provider } from './provider.ts';
import { standardWebhooks } from './standard-webhooks.ts';

/** Every provider of webhooks. To add one: its file, its test, a line here. */
export const providers: readonly Provider[] = [github, hmac, standardWebhooks];
