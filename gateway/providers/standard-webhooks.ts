import { defineProvider } from './provider.ts';
import { type StandardHeaders, standardVerifier } from './scheme/standard.ts';

const headers: StandardHeaders = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
};

/** Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, version 1.0.0. */
export const standardWebhooks = defineProvider({
  name: 'standard-webhooks',
  about:
    'Standard Webhooks 1.0: webhook-signature, v1 (HMAC-SHA256, whsec_) and v1a (Ed25519, whpk_), over id, time and body.',
  options: {},
  create: (_options, secrets, warn) => standardVerifier(headers, secrets, warn),
});
