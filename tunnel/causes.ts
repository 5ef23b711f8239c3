import { CodedError } from '../base/coded-error.ts';
import { messageOf } from '../base/message-of.ts';
import { redact } from '../base/redact.ts';
import type { TunnelCause } from '../gateway/index.ts';
import type { HostWords, TunnelSettings } from './settings.ts';

/** Why the tunnel cannot be had: a stable code, and a sentence that tells a person what to do. */
export class TunnelError extends CodedError<TunnelCause> {
  constructor(code: TunnelCause, detail: string) {
    super(code, redact(detail));
  }
}

/** Any error as a cause; what nobody foresaw is the daemon's failure, with its own message. */
export function toTunnelError(error: unknown): TunnelError {
  if (error instanceof TunnelError) return error;
  return new TunnelError('tunnel:daemon-failed', messageOf(error));
}

/**
 * Turns what the control server said when it refused the node into a cause.
 *
 * The words are those of Headscale 0.29 and of Tailscale's service; the e2e suite compares those of Headscale with a real server.
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
      `Name in ${tags} only tags that the key's owner may give, or leave it empty to take the key's own ` +
      '(Headscale refuses any tag asked for with a tagged key).',
  ],
  [
    /logging to be enabled/i,
    'tunnel:misconfigured',
    () =>
      'This tailnet wants the logs of its nodes, which Postern does not upload: turn off network flow logs for it.',
  ],
  [/expired/i, 'tunnel:key-expired', () => 'Store a new key, or let a rotation do it.'],
  [
    /already (?:been )?used/i,
    'tunnel:key-used',
    () => 'Make a reusable key: each node, and each new join, takes it again.',
  ],
  [
    /auth[ -]?key|api key|invalid key/i,
    'tunnel:key-invalid',
    () =>
      'It was revoked, deleted, used up, cut short, or belongs to another control server. Store a valid key.',
  ],
];

/** The control server could not be asked at all. `reason` is what tailscaled logged last, if anything. */
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

/** True when trying again cannot help: the certificate will not become trusted by waiting. */
export function isHopeless(controlError: string): boolean {
  return controlError.includes('x509:');
}

/** The causes that another key could cure. */
export function isKeyTrouble(error: TunnelError): boolean {
  return error.code.startsWith('tunnel:key-');
}
