import { CodedError } from '../base/coded-error.ts';
import { messageOf } from '../base/message-of.ts';
import { redact } from '../base/redact.ts';
import type { TunnelCause } from '../gateway/index.ts';
import type { HostWords, TunnelSettings } from './settings.ts';

/** Why the tunnel is not available: a stable code, and a sentence that tells a person what to do. */
export class TunnelError extends CodedError<TunnelCause> {
  constructor(code: TunnelCause, detail: string) {
    super(code, redact(detail));
  }
}

/** Any error as a cause; an unexpected one counts as a failure of the daemon, with its own message. */
export function toTunnelError(error: unknown): TunnelError {
  if (error instanceof TunnelError) return error;
  return new TunnelError('tunnel:daemon-failed', messageOf(error));
}

/**
 * Turns the control server's message that it refused the node into a cause.
 *
 * The patterns match Headscale 0.29 and Tailscale's service; the e2e suite compares those of Headscale with a real server.
 */
export function refusedByControl(message: string, words: HostWords): TunnelError {
  const said = `The control server says "${message}".`;
  for (const [pattern, code, advice] of refusals) {
    if (pattern.test(message)) return new TunnelError(code, `${said} ${advice(words)}`);
  }
  return new TunnelError('tunnel:misconfigured', `${said} The reason is not one that Postern knows.`);
}

const refusals: readonly (readonly [RegExp, TunnelCause, (words: HostWords) => string])[] = [
  [
    /requested tags|tags? .*not permitted/i,
    'tunnel:tags-refused',
    ({ tags }) =>
      `Put only tags into ${tags} that the key's owner may assign, or leave it empty to use the tags of the key ` +
      '(Headscale refuses every tag requested with a tagged key).',
  ],
  [
    /logging to be enabled/i,
    'tunnel:misconfigured',
    () =>
      'This tailnet requires the logs of its nodes, which Postern does not upload: turn off network flow logs for it.',
  ],
  [/expired/i, 'tunnel:key-expired', () => 'Store a new key, or let a rotation do it.'],
  [
    /already (?:been )?used/i,
    'tunnel:key-used',
    () => 'Make a reusable key: each node and each new join uses it again.',
  ],
  [
    /auth[ -]?key|api key|invalid key/i,
    'tunnel:key-invalid',
    () =>
      'It was revoked, deleted, used up or truncated, or it belongs to another control server. Store a valid key.',
  ],
];

/** The control server could not be reached. `reason` is the last one that tailscaled logged, if any. */
export function controlUnreachable(
  { controlUrl, words }: TunnelSettings,
  reason: string | undefined,
): TunnelError {
  const why = reason === undefined ? '' : ` (${reason})`;
  return new TunnelError(
    'tunnel:control-unreachable',
    `No answer from ${controlUrl}${why}. ${words.unreachable}`,
  );
}

/** Whether another attempt is useless: waiting does not make a certificate trusted. */
export function isHopeless(controlError: string): boolean {
  return controlError.includes('x509:');
}

/** Whether another key could fix this cause. */
export function isKeyTrouble(error: TunnelError): boolean {
  return error.code.startsWith('tunnel:key-');
}
