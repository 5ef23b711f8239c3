import { maxTimerMs } from '../../base/duration.ts';
import {
  type EnvironmentVariables,
  readDuration,
  readList,
  readText,
  wrongVariable,
} from '../../base/environment.ts';
import { dnsLabel, isDnsLabel } from '../../base/net/dns-label.ts';
import { readTailnetPorts, type TailnetPorts } from '../../gateway/index.ts';

/** The variables that the owner of a tunnel reads, declared once; the names are part of the public interface. */
export const tunnelVariables = {
  POSTERN_TAILNET_SECRET_ID: 'The name or ARN of the secret in Secrets Manager that holds the auth key.',
  POSTERN_TAILNET_CLIENT_ID:
    'The id of a federated identity: the extension joins with an identity token of its role, and no key is stored.',
  POSTERN_TAILNET_AUDIENCE: 'The audience of that identity token, as configured in the federated identity.',
  POSTERN_TAILNET_API_URL:
    "The API that makes keys, for the rotation or for an identity token. Default: Tailscale's own.",
  POSTERN_TAILNET_CONTROL_URL: "The tailnet's control server. Default: Tailscale's own.",
  POSTERN_TAILNET_HOSTNAME:
    'The name of the node in the tailnet, a DNS label. Default: derived from the name of the function.',
  POSTERN_TAILNET_TAGS:
    'Tags that the node requests, or that the rotation assigns to its keys, separated by commas, such as tag:postern. Default for a node: the tags of its key.',
  POSTERN_TAILNET_TARGETS:
    'Peers (names or addresses, separated by commas) that readiness checks connect to.',
  POSTERN_SOCKS_PORT:
    "The port of tailscaled's SOCKS5 server on 127.0.0.1; readiness answers on the next one. Default: 1055.",
  POSTERN_JOIN_TIMEOUT: 'How long joining may take before init fails, as a duration. Default: 8s.',
} as const;

type TunnelVariable = keyof typeof tunnelVariables;

/** The settings of a tunnel's owner. Durations are milliseconds, ports are TCP ports on 127.0.0.1. */
export interface TailnetEnvironment extends TailnetPorts {
  readonly secretId: string | undefined;
  /** Set instead of `secretId`: no key is stored. */
  readonly identity: TailnetIdentity | undefined;
  readonly controlUrl: string;
  readonly hostname: string;
  readonly tags: readonly string[];
  readonly targets: readonly string[];
  readonly joinTimeoutMs: number;
}

/** How a node joins with its role's identity: it gets a key of its own. */
export interface TailnetIdentity {
  readonly clientId: string;
  readonly audience: string;
  /** Without a final slash. */
  readonly apiUrl: string;
}

const defaults = {
  apiUrl: 'https://api.tailscale.com',
  controlUrl: 'https://controlplane.tailscale.com',
  joinTimeoutMs: 8_000,
};

/**
 * Reads the variables of the tunnel.
 *
 * @throws Error naming the variable, the value got and the expected value
 */
export function readTailnet(env: EnvironmentVariables): TailnetEnvironment {
  const tags = readList(env, 'POSTERN_TAILNET_TAGS');
  return Object.freeze({
    secretId: readText(env, 'POSTERN_TAILNET_SECRET_ID'),
    identity: readIdentity(env, tags),
    controlUrl: controlUrl(env),
    hostname: hostname(env),
    tags,
    targets: readList(env, 'POSTERN_TAILNET_TARGETS'),
    ...readTailnetPorts(env),
    joinTimeoutMs: readDuration(env, 'POSTERN_JOIN_TIMEOUT', defaults.joinTimeoutMs, maxTimerMs),
  });
}

function readIdentity(env: EnvironmentVariables, tags: readonly string[]): TailnetIdentity | undefined {
  const clientId = readText(env, 'POSTERN_TAILNET_CLIENT_ID');
  if (clientId === undefined) return undefined;
  if (readText(env, 'POSTERN_TAILNET_SECRET_ID') !== undefined) {
    throw new Error(
      'POSTERN_TAILNET_SECRET_ID and POSTERN_TAILNET_CLIENT_ID are both set; set only the first to use a stored key, ' +
        'or only the second to join without one',
    );
  }
  const audience = readText(env, 'POSTERN_TAILNET_AUDIENCE');
  if (audience === undefined) {
    throw missing('POSTERN_TAILNET_AUDIENCE', 'the audience of the federated identity');
  }
  // The API makes no key for a node without tags, because federated identities can only own tags.
  if (tags.length === 0) {
    throw missing('POSTERN_TAILNET_TAGS', 'the tags of the federated identity, such as tag:postern');
  }
  return Object.freeze({ clientId, audience, apiUrl: readApiUrl(env) });
}

/** The URL of the API that makes keys. It receives the token of a role, so it needs TLS unless it is on this machine. */
export function readApiUrl(env: EnvironmentVariables): string {
  const value = readText(env, 'POSTERN_TAILNET_API_URL');
  if (value === undefined) return defaults.apiUrl;
  if (!/^(?:https:\/\/[^/?#@]+|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?)\/?$/.test(value)) {
    throw wrongVariable(
      'POSTERN_TAILNET_API_URL',
      value,
      'an https URL such as https://api.example.com, without path or user',
    );
  }
  return value.replace(/\/$/, '');
}

/** A name from the user is never changed; the name of the function is made to fit. */
function hostname(env: EnvironmentVariables): string {
  const value = readText(env, 'POSTERN_TAILNET_HOSTNAME');
  if (value === undefined) return dnsLabel(env.AWS_LAMBDA_FUNCTION_NAME ?? '') ?? 'postern';
  if (isDnsLabel(value)) return value.toLowerCase();
  throw wrongVariable(
    'POSTERN_TAILNET_HOSTNAME',
    value,
    'letters, digits and hyphens, 63 at most, with no hyphen at either end',
  );
}

function controlUrl(env: EnvironmentVariables): string {
  const value = readText(env, 'POSTERN_TAILNET_CONTROL_URL');
  if (value === undefined) return defaults.controlUrl;
  if (!/^https?:\/\/[^/?#@]+\/?$/.test(value)) {
    throw wrongVariable(
      'POSTERN_TAILNET_CONTROL_URL',
      value,
      'a URL such as https://headscale.example.com, without path or user',
    );
  }
  return value.replace(/\/$/, '');
}

function missing(name: TunnelVariable, expected: string): Error {
  return new Error(`${name} is not set, and POSTERN_TAILNET_CLIENT_ID is; set it to ${expected}`);
}
