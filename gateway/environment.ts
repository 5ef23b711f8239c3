import { parseDuration } from './duration.ts';

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
  POSTERN_TAILNET_SECRET_ID: 'The name or ARN of the secret in Secrets Manager that holds the auth key.',
  POSTERN_TAILNET_CONTROL_URL: "The tailnet's control server. Default: Tailscale's own.",
  POSTERN_TAILNET_HOSTNAME: 'The name of the node in the tailnet. Default: the name of the function.',
  POSTERN_TAILNET_TAGS:
    'Tags that the node asks for, separated by commas, such as tag:postern. Default: those of the key.',
  POSTERN_TAILNET_TARGETS:
    'Peers (names or addresses, separated by commas) that readiness is proven against.',
  POSTERN_SOCKS_PORT:
    "The port of tailscaled's SOCKS5 server on 127.0.0.1; readiness answers on the next one. Default: 1055.",
  POSTERN_JOIN_TIMEOUT: 'How long joining may take before init fails, as a duration. Default: 8s.',
} as const;

export type VariableName = keyof typeof variables;

export interface Environment {
  readonly sourceCidrs: readonly string[];
  readonly config: string | undefined;
  readonly tailnet: TailnetEnvironment;
}

/** What the extension and the tailnet transport share. Durations are milliseconds, ports are TCP ports on 127.0.0.1. */
export interface TailnetEnvironment {
  readonly secretId: string | undefined;
  readonly controlUrl: string;
  readonly hostname: string;
  readonly tags: readonly string[];
  readonly targets: readonly string[];
  readonly socksPort: number;
  readonly readinessPort: number;
  readonly joinTimeoutMs: number;
}

const defaults = { controlUrl: 'https://controlplane.tailscale.com', socksPort: 1055, joinTimeoutMs: 8_000 };

/**
 * Reads the variables from a process's environment.
 *
 * @throws Error naming the variable, the value got and what is expected
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  return Object.freeze({
    sourceCidrs: list(env, 'AUTHD_SOURCE_CIDR'),
    config: text(env, 'POSTERN_CONFIG'),
    tailnet: readTailnet(env),
  });
}

function readTailnet(env: Readonly<Record<string, string | undefined>>): TailnetEnvironment {
  const socksPort = port(env, 'POSTERN_SOCKS_PORT', defaults.socksPort);
  return Object.freeze({
    secretId: text(env, 'POSTERN_TAILNET_SECRET_ID'),
    controlUrl: controlUrl(env),
    hostname: text(env, 'POSTERN_TAILNET_HOSTNAME') ?? env.AWS_LAMBDA_FUNCTION_NAME ?? 'postern',
    tags: list(env, 'POSTERN_TAILNET_TAGS'),
    targets: list(env, 'POSTERN_TAILNET_TARGETS'),
    socksPort,
    readinessPort: socksPort + 1,
    joinTimeoutMs: duration(env, 'POSTERN_JOIN_TIMEOUT', defaults.joinTimeoutMs),
  });
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
): number {
  const value = text(env, name);
  if (value === undefined) return fallbackMs;
  const ms = parseDuration(value);
  if (ms === undefined || ms === 0) throw wrong(name, value, 'a duration such as 8s or 500ms');
  return ms;
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

function wrong(name: VariableName, got: string, expected: string): Error {
  return new Error(`${name} is ${JSON.stringify(got)}; set it to ${expected}`);
}
