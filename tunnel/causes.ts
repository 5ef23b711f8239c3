import { messageOf } from '../base/message-of.ts';
import { redact } from '../base/redact.ts';
import type { TunnelCause } from '../gateway/index.ts';

/** Why the tunnel cannot be had: a stable code, and a sentence that tells a person what to do. */
export class TunnelError extends Error {
  readonly code: TunnelCause;

  constructor(code: TunnelCause, detail: string) {
    super(redact(detail));
    this.name = 'TunnelError';
    this.code = code;
  }

  /** The error type for Lambda's log and metrics: `tunnel:secret-forbidden` is `Extension.SecretForbidden`. */
  get lambdaType(): string {
    const words = this.code.slice(this.code.indexOf(':') + 1).split('-');
    return `Extension.${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
  }
}

/** Any error as a cause; what nobody foresaw is the daemon's failure, with its own message. */
export function toTunnelError(error: unknown): TunnelError {
  if (error instanceof TunnelError) return error;
  return new TunnelError('tunnel:daemon-failed', messageOf(error));
}

const caHint =
  'If it uses a private CA, put the certificate (PEM) into the layer or another one under /opt/ssl; ' +
  'else check POSTERN_TAILNET_CONTROL_URL and that the function has a way out (a NAT gateway, an open egress rule).';

/**
 * Turns what the control server said when it refused the node into a cause.
 *
 * The words are those of Headscale 0.29 and of Tailscale's service; the e2e suite compares those of Headscale with a real server.
 */
export function refusedByControl(message: string): TunnelError {
  const said = `The control server says "${message}".`;
  for (const [pattern, code, advice] of refusals) {
    if (pattern.test(message)) return new TunnelError(code, `${said} ${advice}`);
  }
  return new TunnelError('tunnel:misconfigured', `${said} The reason is not one that Postern knows.`);
}

const refusals: readonly (readonly [RegExp, TunnelCause, string])[] = [
  [
    /requested tags|tags? .*not permitted/i,
    'tunnel:tags-refused',
    "Name in POSTERN_TAILNET_TAGS only tags that the key's owner may give, or leave it empty to take the key's own " +
      '(Headscale refuses any tag asked for with a tagged key).',
  ],
  [
    /logging to be enabled/i,
    'tunnel:misconfigured',
    'This tailnet wants the logs of its nodes, which the layer does not upload: turn off network flow logs for it.',
  ],
  [/expired/i, 'tunnel:key-expired', 'Store a new key in the secret, or let the rotation do it.'],
  [
    /already (?:been )?used/i,
    'tunnel:key-used',
    'Make a reusable key: each instance of a function joins with it.',
  ],
  [
    /auth[ -]?key|api key|invalid key/i,
    'tunnel:key-invalid',
    'It was revoked, deleted, used up, cut short, or belongs to another control server. Store a valid key in the secret.',
  ],
];

/** The control server could not be asked at all. `reason` is what tailscaled logged last, if anything. */
export function controlUnreachable(controlUrl: string, reason: string | undefined): TunnelError {
  const why = reason === undefined ? '' : ` (${reason})`;
  return new TunnelError('tunnel:control-unreachable', `No answer from ${controlUrl}${why}. ${caHint}`);
}

/** True when trying again cannot help: the certificate will not become trusted by waiting. */
export function isHopeless(controlError: string): boolean {
  return controlError.includes('x509:');
}

/** The causes that another key could cure. */
export function isKeyTrouble(error: TunnelError): boolean {
  return error.code.startsWith('tunnel:key-');
}
