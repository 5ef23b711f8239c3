import { defineProvider } from './provider.ts';
import { type HmacScheme, hmacVerifier } from './scheme/hmac.ts';
import { bodyOnly } from './scheme/template.ts';

const scheme: HmacScheme = {
  header: 'x-hub-signature-256',
  prefix: 'sha256=',
  several: false,
  digest: 'sha256',
  encoding: 'hex',
  signed: bodyOnly,
  idHeader: 'x-github-delivery',
  eventHeader: 'x-github-event',
};

/**
 * GitHub signs only the body: no id, no event and no time.
 *
 * Source: docs.github.com, Webhooks, Validating webhook deliveries.
 */
export const github = defineProvider({
  name: 'github',
  about:
    'GitHub: X-Hub-Signature-256, an HMAC-SHA256 of the body. No time is signed, so tolerance has no effect.',
  options: {},
  create: (_options, secrets, warn) => hmacVerifier(scheme, secrets, warn),
});
