/**
 * The protocol between the readiness endpoint of a tunnel's owner and a transport.
 *
 * The endpoint is plain HTTP on 127.0.0.1, one port above the SOCKS5 port, so that functions of any runtime can ask it:
 *
 *     GET /ready?within=MS                     200 TunnelReady  | 503 TunnelNotReady
 *     GET /diagnose?target=HOST:PORT&within=MS 200 Diagnosis: why a connection to that target failed
 *
 * `within` is milliseconds, 1 to 30000; the answer comes within it. Anything else is answered with 400 or 404.
 */
export interface TunnelReady {
  readonly ready: true;
  /** Increases by one whenever earlier connections are dead (after a repair or a new join): replace the pool. */
  readonly epoch: number;
}

/** Problem details (RFC 9457) with a stable `code` from `tunnelCauses`. */
export interface TunnelNotReady {
  readonly ready: false;
  readonly code: TunnelCause;
  readonly title: string;
  readonly detail: string;
}

/** Why a connection through a ready tunnel failed. */
export interface Diagnosis {
  readonly code: ConnectCause;
  readonly detail: string;
}

/** Why the tunnel is not ready, with a title for people. */
export const tunnelCauses = {
  'tunnel:secret-missing': 'The auth key is not in Secrets Manager',
  'tunnel:secret-forbidden': 'The role may not read the secret of the auth key',
  'tunnel:secret-unreachable': 'Secrets Manager did not answer',
  'tunnel:secret-malformed': 'The secret does not contain an auth key',
  'tunnel:identity-forbidden': 'The role may not ask AWS for an identity token',
  'tunnel:identity-disabled': 'The AWS account does not issue identity tokens',
  'tunnel:identity-unreachable': 'AWS STS did not answer',
  'tunnel:identity-refused': 'The tailnet does not accept the identity of the role',
  'tunnel:scope-missing': 'The federated identity may not make auth keys',
  'tunnel:api-unreachable': 'The API of the tailnet did not answer',
  'tunnel:key-invalid': 'The control server does not know the auth key',
  'tunnel:key-expired': 'The auth key has expired',
  'tunnel:key-used': 'The auth key is single-use and was used before',
  'tunnel:tags-refused': 'The control server does not grant the tags that the node requests',
  'tunnel:control-unreachable': 'The control server did not answer',
  'tunnel:logged-out': 'The tailscaled that runs is not logged in, or is down',
  'tunnel:approval-needed': 'The node waits for the approval of an administrator',
  'tunnel:target-unreachable': 'No target answers through the tunnel',
  'tunnel:daemon-failed': 'tailscaled does not start or stopped',
  'tunnel:misconfigured': 'The configuration of the tunnel is wrong',
  'tunnel:joining': 'The tunnel is joining the tailnet',
  'tunnel:not-answering': 'The readiness endpoint does not answer',
} as const;

export type TunnelCause = keyof typeof tunnelCauses;

/** Why a connection to a target was not made, as far as the dial and the tunnel's owner know. */
export const connectCauses = {
  'upstream:target-unknown': 'No such name or peer',
  'upstream:target-offline': 'The peer is known but does not answer',
  'upstream:target-denied': 'The peer answers, but an access rule or a firewall blocks that port',
  'upstream:connection-refused': 'Nothing listens on that port of the peer',
  'upstream:connect-timeout': 'The connection was not made in time',
} as const;

export type ConnectCause = keyof typeof connectCauses;
