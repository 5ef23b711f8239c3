import { createHash } from 'node:crypto';
import type { FinishedRequest } from '../gateway/index.ts';
import type { SeenRequest } from './private-target.ts';
import { hookPath, type Webhook, type WebhookAnswer } from './webhook.ts';

const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (code: number) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);

/** Where everything is, for the first lines. */
export interface Scene {
  readonly gateway: string;
  readonly admin: string;
  readonly socks: string;
}

export function tellScene({ gateway, admin, socks }: Scene): void {
  print('', bold('Postern: one guarded door to a private network'), '');
  row('private', 'http://builder.private:8080, a server that listens on no port of this machine');
  row('tunnel', `SOCKS5 on ${socks}, the only way to it (on AWS this is tailscaled)`);
  row('gateway', `${gateway}, configured by demo/postern.yaml`);
  row('admin', `${admin}/readyz`);
}

/** One webhook from sending to answer: what was sent, who said what, what the target saw, what came back. */
export function tellWebhook(
  title: string,
  sent: Webhook,
  answer: WebhookAnswer,
  record: FinishedRequest | undefined,
  seen: SeenRequest | undefined,
): void {
  print('', bold(title), '');
  row('sent', `POST ${hookPath}, ${Buffer.byteLength(sent.body)} bytes, x-github-event: ${sent.event}`);
  row('', `x-hub-signature-256: ${sent.signature.slice(0, 23)}…`);
  row('', 'x-forwarded-for: 203.0.113.99, which is a lie');
  for (const { plugin, result, reason, microseconds } of record?.exchange?.trail ?? []) {
    const said = result === 'next' ? green('go on') : red(`stop, ${reason}`);
    row('plugin', `${plugin.padEnd(11)} ${String(microseconds).padStart(6)} µs  ${said}`);
  }
  if (record?.reply?.detail !== undefined)
    row('reason', `${record.reply.detail} ${dim('(in the log, not in the answer)')}`);
  if (seen === undefined) row('target', 'saw nothing of it');
  else tellSeen(sent, seen);
  const words = answer.body.trim();
  row(
    'answer',
    `${answer.status < 400 ? green(String(answer.status)) : red(String(answer.status))} after ${answer.ms.toFixed(1)} ms`,
  );
  row('', words);
}

/** Lines to paste into another terminal. */
export function tellWhatToTry(gateway: string, admin: string, webhook: Webhook): void {
  const send = (signature: string) =>
    `  curl -i ${gateway}${hookPath} -H 'content-type: application/json' \\\n` +
    `    -H 'x-github-event: ${webhook.event}' -H 'x-hub-signature-256: ${signature}' \\\n` +
    `    -d '${webhook.body}'`;
  print('', bold('Now you'), '', dim('  # the signed webhook again'), send(webhook.signature));
  print('', dim('  # with a signature of nobody'), send(`sha256=${'0'.repeat(64)}`));
  print(
    '',
    dim('  # a path that tries to climb out'),
    `  curl -i --path-as-is ${gateway}/hooks/../etc/passwd`,
  );
  print('', dim('  # is everything reachable?'), `  curl -s ${admin}/readyz`);
  print('', 'It stays up until Ctrl-C.', '');
}

function tellSeen(sent: Webhook, seen: SeenRequest): void {
  const same = createHash('sha256').update(sent.body).digest('hex') === seen.bodySha256;
  row(
    'target',
    `saw ${seen.method} ${seen.target}, ${seen.bodyBytes} bytes, ${same ? 'the same to the last bit' : red('NOT what was sent')}`,
  );
  row('', `x-forwarded-for: ${seen.headers['x-forwarded-for']}, which is true`);
  row('', `x-request-id: ${seen.headers['x-request-id']}`);
}

function row(label: string, text: string): void {
  print(`  ${dim(label.padEnd(8))} ${text}`);
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
