import { dnsLabel, isDnsLabel } from './dns-label.ts';
import { maxTimerMs, parseDuration } from './duration.ts';
import { shown } from './shown.ts';

/**
 * Every environment variable that Postern's functions and extension read, declared once.
 *
 * The names are part of the public interface. `read` gives parsed, frozen values; a wrong value throws an Error that
 * names the variable, the value got and what to do. A variable that is unset or empty takes its default.
 */
export const variables = {
  AUTHD_SOURCE_CIDR:
    'The source ranges that the authorizer admits, separated by commas. Empty refuses everyone.',
  POSTERN_CONFIG: 'The path of postern.yaml (or of the same as JSON) beside the function.',
  POSTERN_EDGE_SECRET_ID:
    'The name or ARN of the secret that CloudFront adds to each request; then no request without it is answered.',
  POSTERN_TAILNET_SECRET_ID: 'The name or ARN of the secret in Secrets Manager that holds the auth key.',
  POSTERN_TAILNET_CLIENT_ID:
    'The id of a federated identity: the extension joins with an identity token of its role, and no key is stored.',
  POSTERN_TAILNET_AUDIENCE: 'The audience of that identity token, as the federated identity names it.',
  POSTERN_TAILNET_API_URL:
    "The API that makes keys, for the rotation or for an identity token. Default: Tailscale's own.",
  POSTERN_TAILNET_CONTROL_URL: "The tailnet's control server. Default: Tailscale's own.",
  POSTERN_TAILNET_HOSTNAME:
    'The name of the node in the tailnet, a DNS label. Default: one made of the name of the function.',
  POSTERN_TAILNET_TAGS:
    'Tags that the node asks for, or that the rotation gives its keys, separated by commas, such as tag:postern. Default for a node: those of the key.',
  POSTERN_TAILNET_TARGETS:
    'Peers (names or addresses, separated by commas) that readiness is proven against.',
  POSTERN_SOCKS_PORT:
    "The port of tailscaled's SOCKS5 server on 127.0.0.1; readiness answers on the next one. Default: 1055.",
  POSTERN_JOIN_TIMEOUT: 'How long joining may take before init fails, as a duration. Default: 8s.',
  POSTERN_ROTATION_ISSUER: 'Who makes the keys that the rotation stores: tailscale or headscale.',
  POSTERN_ROTATION_CREDENTIALS_ID:
    "The name or ARN of the secret with the issuer's OAuth client or API key; only the rotation reads it.",
  POSTERN_ROTATION_KEY_LIFETIME:
    'How long a key is valid, as a duration; longer than the time between two rotations, 90d at most. Default: 90d.',
} as const;

export type VariableName = keyof typeof variables;

export interface Environment {
  readonly sourceCidrs: readonly string[];
  readonly config: string | undefined;
  /** Set when the functions stand behind the edge. */
  readonly edgeSecretId: string | undefined;
  readonly tailnet: TailnetEnvironment;
}

/** What the extension and the tailnet transport share. Durations are milliseconds, ports are TCP ports on 127.0.0.1. */
export interface TailnetEnvironment {
  readonly secretId: string | undefined;
  /** Set instead of `secretId`: no key is stored anywhere. */
  readonly identity: TailnetIdentity | undefined;
  readonly controlUrl: string;
  readonly hostname: string;
  readonly tags: readonly string[];
  readonly targets: readonly string[];
  readonly socksPort: number;
  readonly readinessPort: number;
  readonly joinTimeoutMs: number;
}

/** How a node joins by who its role is, with a key that is made for it alone. */
export interface TailnetIdentity {
  readonly clientId: string;
  readonly audience: string;
  /** Without a slash at its end. */
  readonly apiUrl: string;
}

const defaults = {
  apiUrl: 'https://api.tailscale.com',
  controlUrl: 'https://controlplane.tailscale.com',
  socksPort: 1055,
  joinTimeoutMs: 8_000,
  keyLifetimeMs: 90 * 86_400_000,
};

/**
 * Reads the variables from a process's environment.
 *
 * @throws Error naming the variable, the value got and what is expected
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  return Object.freeze({
    sourceCidrs: list(env, 'AUTHD_SOURCE_CIDR'),
    config: text(env, 'POSTERN_CONFIG'),
    edgeSecretId: text(env, 'POSTERN_EDGE_SECRET_ID'),
    tailnet: readTailnet(env),
  });
}

function readTailnet(env: Readonly<Record<string, string | undefined>>): TailnetEnvironment {
  const socksPort = port(env, 'POSTERN_SOCKS_PORT', defaults.socksPort);
  const tags = list(env, 'POSTERN_TAILNET_TAGS');
  return Object.freeze({
    secretId: text(env, 'POSTERN_TAILNET_SECRET_ID'),
    identity: readIdentity(env, tags),
    controlUrl: controlUrl(env),
    hostname: hostname(env),
    tags,
    targets: list(env, 'POSTERN_TAILNET_TARGETS'),
    socksPort,
    readinessPort: socksPort + 1,
    joinTimeoutMs: duration(env, 'POSTERN_JOIN_TIMEOUT', defaults.joinTimeoutMs, maxTimerMs),
  });
}

function readIdentity(
  env: Readonly<Record<string, string | undefined>>,
  tags: readonly string[],
): TailnetIdentity | undefined {
  const clientId = text(env, 'POSTERN_TAILNET_CLIENT_ID');
  if (clientId === undefined) return undefined;
  if (text(env, 'POSTERN_TAILNET_SECRET_ID') !== undefined) {
    throw new Error(
      'POSTERN_TAILNET_SECRET_ID and POSTERN_TAILNET_CLIENT_ID are both set; set the one for a stored key or the other ' +
        'to join without, so that it is plain which of them counts',
    );
  }
  const audience = text(env, 'POSTERN_TAILNET_AUDIENCE');
  if (audience === undefined) {
    throw missing('POSTERN_TAILNET_AUDIENCE', 'the audience that the federated identity names');
  }
  // The API makes no key for a node that belongs to nobody: federated identities own tags alone.
  if (tags.length === 0) {
    throw missing('POSTERN_TAILNET_TAGS', 'the tags of the federated identity, such as tag:postern');
  }
  return Object.freeze({ clientId, audience, apiUrl: apiUrl(env) });
}

/** The token of a role goes there, so only over TLS, or nowhere but this machine. */
function apiUrl(env: Readonly<Record<string, string | undefined>>): string {
  const value = text(env, 'POSTERN_TAILNET_API_URL');
  if (value === undefined) return defaults.apiUrl;
  if (!/^(?:https:\/\/[^/?#@]+|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?)\/?$/.test(value)) {
    throw wrong(
      'POSTERN_TAILNET_API_URL',
      value,
      'an https URL such as https://api.example.com, without path or user',
    );
  }
  return value.replace(/\/$/, '');
}

/** What the rotation needs to make keys. */
export interface RotationEnvironment {
  readonly issuer: 'tailscale' | 'headscale';
  /** Without a slash at its end. */
  readonly apiUrl: string;
  readonly credentialsId: string;
  /** The secret whose expiry is checked; a rotation's own event names its secret. */
  readonly secretId: string | undefined;
  readonly tags: readonly string[];
  readonly keyLifetimeMs: number;
}

/**
 * Reads the variables of the rotation.
 *
 * @throws Error naming the variable, the value got and what is expected
 */
export function readRotationEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): RotationEnvironment {
  const issuer = text(env, 'POSTERN_ROTATION_ISSUER') ?? '';
  if (issuer !== 'tailscale' && issuer !== 'headscale') {
    throw wrong('POSTERN_ROTATION_ISSUER', issuer, 'tailscale or headscale');
  }
  if (issuer === 'headscale' && text(env, 'POSTERN_TAILNET_API_URL') === undefined) {
    throw wrong('POSTERN_TAILNET_API_URL', '', "Headscale's URL, such as https://headscale.example.com");
  }
  const credentialsId = text(env, 'POSTERN_ROTATION_CREDENTIALS_ID');
  if (credentialsId === undefined) {
    throw wrong(
      'POSTERN_ROTATION_CREDENTIALS_ID',
      '',
      "the name of the secret with the issuer's credentials",
    );
  }
  const tags = list(env, 'POSTERN_TAILNET_TAGS');
  const odd = tags.find((tag) => !/^tag:[A-Za-z0-9][A-Za-z0-9._-]*$/.test(tag));
  // Both issuers own keys by tags: one without belongs to a person, and nodes that join with it do too.
  if (tags.length === 0 || odd !== undefined) {
    throw wrong('POSTERN_TAILNET_TAGS', odd ?? '', "the tags of the keys, such as 'tag:postern'");
  }
  const keyLifetimeMs = duration(
    env,
    'POSTERN_ROTATION_KEY_LIFETIME',
    defaults.keyLifetimeMs,
    defaults.keyLifetimeMs,
  );
  if (keyLifetimeMs < 60_000) {
    const got = env.POSTERN_ROTATION_KEY_LIFETIME ?? '';
    throw wrong('POSTERN_ROTATION_KEY_LIFETIME', got, 'a duration from 1m to 90d');
  }
  const secretId = text(env, 'POSTERN_TAILNET_SECRET_ID');
  return Object.freeze({ issuer, apiUrl: apiUrl(env), credentialsId, secretId, tags, keyLifetimeMs });
}

function text(env: Readonly<Record<string, string | undefined>>, name: VariableName): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function list(env: Readonly<Record<string, string | undefined>>, name: VariableName): readonly string[] {
  const parts = (text(env, name) ?? '').split(',').map((part) => part.trim());
  return Object.freeze(parts.filter((part) => part !== ''));
}

function port(
  env: Readonly<Record<string, string | undefined>>,
  name: VariableName,
  fallback: number,
): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const number = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 65_534) throw wrong(name, value, 'a port from 1 to 65534');
  return number;
}

function duration(
  env: Readonly<Record<string, string | undefined>>,
  name: VariableName,
  fallbackMs: number,
  maxMs: number,
): number {
  const value = text(env, name);
  if (value === undefined) return fallbackMs;
  const ms = parseDuration(value);
  if (ms === undefined || ms === 0 || ms > maxMs)
    throw wrong(name, value, `a duration such as 8s or 500ms, at most ${maxMs / 86_400_000}d`);
  return ms;
}

/** What the user chose is never changed; what Lambda calls the function has to fit. */
function hostname(env: Readonly<Record<string, string | undefined>>): string {
  const value = text(env, 'POSTERN_TAILNET_HOSTNAME');
  if (value === undefined) return dnsLabel(env.AWS_LAMBDA_FUNCTION_NAME ?? '') ?? 'postern';
  if (isDnsLabel(value)) return value.toLowerCase();
  throw wrong(
    'POSTERN_TAILNET_HOSTNAME',
    value,
    'letters, digits and hyphens, 63 at most, with no hyphen at either end',
  );
}

function controlUrl(env: Readonly<Record<string, string | undefined>>): string {
  const value = text(env, 'POSTERN_TAILNET_CONTROL_URL');
  if (value === undefined) return defaults.controlUrl;
  if (!/^https?:\/\/[^/?#@]+\/?$/.test(value)) {
    throw wrong(
      'POSTERN_TAILNET_CONTROL_URL',
      value,
      'a URL such as https://headscale.example.com, without path or user',
    );
  }
  return value.replace(/\/$/, '');
}

function missing(name: VariableName, expected: string): Error {
  return new Error(`${name} is not set, and POSTERN_TAILNET_CLIENT_ID is; set it to ${expected}`);
}

function wrong(name: VariableName, got: string, expected: string): Error {
  return new Error(`${name} is ${shown(got)}; set it to ${expected}`);
}
