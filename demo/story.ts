import { createHash } from 'node:crypto';
import type { FinishedRequest, TrailEntry } from '../gateway/index.ts';
import { bold, dim, green, print, red, row, wrap } from './print.ts';
import type { SeenRequest } from './private-target.ts';
import { forged, hookPath, type Webhook, type WebhookAnswer } from './webhook.ts';

/** The addresses for the first lines. */
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

/** One webhook from sending to answer: what was sent, each plugin's verdict, what the target saw, what came back. */
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
  for (const entry of record?.exchange?.trail ?? []) tellPlugin(entry);
  if (record?.reply?.detail !== undefined)
    row('reason', `${record.reply.detail} ${dim('(only in the log)')}`);
  if (seen === undefined) row('target', 'saw nothing of it');
  else tellSeen(sent, seen);
  row('answer', `${status(answer.status)} after ${answer.ms.toFixed(1)} ms`);
  for (const line of wrap(answer.body.trim(), 85)) row('', line);
}

/** Lines to paste into another terminal. */
export function tellWhatToTry(gateway: string, admin: string, webhook: Webhook): void {
  print('', bold('Now you, in another terminal'), '', dim('# the signed webhook again'));
  print(...curl(gateway, webhook), '', dim('# the forged one'), ...curl(gateway, forged(webhook)));
  print('', dim('# a path that climbs out'), `curl -i --path-as-is ${gateway}/hooks/../etc/passwd`);
  print('', dim('# can everything be reached?'), `curl -i ${admin}/readyz`);
  print('', 'It stays up until Ctrl-C and tells of every request:', '');
}

/** A request that somebody else sent. */
export function tellRequest({ request, exchange, reply, status: sent, durationMs }: FinishedRequest): void {
  const path = exchange?.head.path ?? request.target?.split('?', 1)[0] ?? '';
  const code = reply === undefined ? '' : ` ${reply.code}`;
  row(
    request.method ?? 'not HTTP',
    `${path.slice(0, 50)}  ${status(sent)}${code}  ${durationMs.toFixed(1)} ms`,
  );
  const said = (exchange?.trail ?? []).map(({ plugin, microseconds }) => `${plugin} ${microseconds} µs`);
  if (said.length > 0) row('', dim(said.join(', ')));
}

function tellPlugin({ plugin, result, reason, microseconds }: TrailEntry): void {
  const said = result === 'next' ? green('go on') : red(`stop, ${reason}`);
  row('plugin', `${plugin.padEnd(11)} ${String(microseconds).padStart(6)} µs  ${said}`);
}

function tellSeen(sent: Webhook, { method, target, bodyBytes, bodySha256, headers }: SeenRequest): void {
  const same = createHash('sha256').update(sent.body).digest('hex') === bodySha256;
  const bytes = same ? 'the same to the last bit' : red('NOT what was sent');
  row('target', `saw ${method} ${target}, ${bodyBytes} bytes, ${bytes}`);
  row('', `x-forwarded-for: ${headers['x-forwarded-for']}, which is true`);
  row('', `x-request-id: ${headers['x-request-id']}`);
}

function curl(gateway: string, { event, signature, body }: Webhook): readonly string[] {
  return [
    `curl -i ${gateway}${hookPath} -H x-github-event:${event} \\`,
    `  -H x-hub-signature-256:${signature} \\`,
    `  -d '${body}'`,
  ];
}

function status(code: number): string {
  return code < 400 ? green(String(code)) : red(String(code));
}
