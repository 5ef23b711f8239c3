import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A webhook as GitHub would send it. */
export interface Webhook {
  readonly event: string;
  readonly delivery: string;
  readonly body: string;
  readonly signature: string;
}

export interface WebhookAnswer {
  readonly id: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly ms: number;
}

export const hookPath = '/hooks/github';

/** Signs a push as GitHub does: an HMAC-SHA256 over the bytes of the body. */
export function signedPush(secret: string): Webhook {
  const body = JSON.stringify({ ref: 'refs/heads/main', repository: { full_name: 'example/builder' } });
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  return { event: 'push', delivery: '72d3162e-cc78-11e3-81ab-4c9367dc0958', body, signature };
}

/** The same webhook with one byte of its body changed, as from somebody who does not know the secret. */
export function forged(webhook: Webhook): Webhook {
  return { ...webhook, body: webhook.body.replace('main', 'evil') };
}

/** Sends a webhook to the gateway and returns the answer. */
export function sendWebhook(origin: string, webhook: Webhook): Promise<WebhookAnswer> {
  const started = performance.now();
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(webhook.body),
    'x-github-event': webhook.event,
    'x-github-delivery': webhook.delivery,
    'x-hub-signature-256': webhook.signature,
    // A client can claim an address, but it is ignored.
    'x-forwarded-for': '203.0.113.99',
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${origin}${hookPath}`, { method: 'POST', headers }, (response) => {
      buffer(response).then((body) => {
        resolve({
          id: String(response.headers['x-request-id']),
          status: response.statusCode ?? 0,
          contentType: String(response.headers['content-type']),
          body: body.toString(),
          ms: performance.now() - started,
        });
      }, reject);
    });
    sent.once('error', reject).end(webhook.body);
  });
}
