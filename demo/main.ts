import { randomBytes } from 'node:crypto';
import { fail, open } from './open.ts';
import { tellRequest, tellScene, tellWebhook, tellWhatToTry } from './story.ts';
import { forged, sendWebhook, signedPush, type Webhook } from './webhook.ts';

/** The demo: a private target, the gateway before it, a signed webhook, a forged one; then it stays up. */
async function main(): Promise<void> {
  const secret = process.env.DEMO_WEBHOOK_SECRET || randomBytes(24).toString('base64url');
  const demo = await open(secret);
  tellScene(demo);

  async function show(title: string, webhook: Webhook): Promise<void> {
    const answer = await sendWebhook(demo.gateway, webhook);
    tellWebhook(title, webhook, answer, demo.record(answer.id), demo.target.seen(answer.id));
  }

  const webhook = signedPush(secret);
  await show('1  A webhook, signed as GitHub signs it', webhook);
  await show('2  The same webhook, with another body under the old signature', forged(webhook));
  tellWhatToTry(demo.gateway, demo.admin, webhook);
  demo.onRequest(tellRequest);
  await demo.stopped;
}

main().catch(fail);
