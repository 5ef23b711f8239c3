import { type Duration, Token } from 'aws-cdk-lib';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { readTailnet } from '../adapters/environment/tailnet.ts';
import type { VariableName } from '../functions/variables.ts';
import { InvalidProps } from './problem.ts';
import type { TailnetKey } from './tailnet-key.ts';

/** A federated identity of Tailscale, by which a role joins without any stored key. */
export interface TailnetIdentityOptions {
  /** Its client id. */
  readonly clientId: string;
  /** The audience that it expects in the role's identity token. */
  readonly audience: string;
  /** The API that takes the token and makes the key. @default - Tailscale's own */
  readonly apiUrl?: string;
}

/** How a function joins the tailnet. Give exactly one of `key`, `secret` and `identity`. */
export interface TailnetOptions {
  /** The key that is rotated. @default - `secret` or `identity` */
  readonly key?: TailnetKey;
  /** A secret that you store yourself: only the auth key, or JSON with the field `key`. @default - `key` or `identity` */
  readonly secret?: ISecret;
  /** No stored key: the role's own identity. @default - `key` or `secret` */
  readonly identity?: TailnetIdentityOptions;
  /** The control server. @default - the one of the key's issuer, or Tailscale's own */
  readonly controlUrl?: string;
  /** The name of the node, a DNS label; several sandboxes get numbers behind it. @default - one made of the function's name */
  readonly hostname?: string;
  /** Tags that the node asks for; with Headscale leave them out, with `identity` name the identity's. @default - those of the key */
  readonly tags?: readonly string[];
  /** Names or addresses of the peers that the function needs: it is ready when one of them answers. @default - any peer that is online */
  readonly targets?: readonly string[];
  /** The port of SOCKS5 on 127.0.0.1; the next one is the readiness endpoint. @default - 1055 */
  readonly socksPort?: number;
  /** How long joining may take before the function's init fails, 8 s at most. @default - 8 s */
  readonly joinTimeout?: Duration;
}

type TailnetVariables = Partial<Record<VariableName, string>>;

/**
 * The environment variables that a function needs for the tailnet, checked like in the extension.
 *
 * @throws InvalidProps naming the option, the value got and what to write
 */
export function tailnetEnvironment(options: TailnetOptions): TailnetVariables {
  checkOneCredential(options);
  const environment = variablesOf(options);
  const known = Object.entries(environment).filter(([, value]) => !Token.isUnresolved(value));
  try {
    readTailnet(Object.fromEntries(known));
  } catch (error) {
    throw new InvalidProps('TailnetLayer', inOptions((error as Error).message));
  }
  checkJoinTimeout(options);
  return environment;
}

function variablesOf(options: TailnetOptions): TailnetVariables {
  const { key, secret, identity, controlUrl = key?.issuer.controlUrl, hostname } = options;
  const { tags, targets, socksPort, joinTimeout } = options;
  const secretArn = (key?.secret ?? secret)?.secretArn;
  return {
    ...(secretArn !== undefined && { POSTERN_TAILNET_SECRET_ID: secretArn }),
    ...(identity !== undefined && {
      POSTERN_TAILNET_CLIENT_ID: identity.clientId,
      POSTERN_TAILNET_AUDIENCE: identity.audience,
      ...(identity.apiUrl !== undefined && { POSTERN_TAILNET_API_URL: identity.apiUrl }),
    }),
    ...(controlUrl !== undefined && { POSTERN_TAILNET_CONTROL_URL: controlUrl }),
    ...(hostname !== undefined && { POSTERN_TAILNET_HOSTNAME: hostname }),
    ...(tags !== undefined && { POSTERN_TAILNET_TAGS: tags.join(',') }),
    ...(targets !== undefined && { POSTERN_TAILNET_TARGETS: targets.join(',') }),
    ...(socksPort !== undefined && { POSTERN_SOCKS_PORT: String(socksPort) }),
    ...(joinTimeout !== undefined && { POSTERN_JOIN_TIMEOUT: `${joinTimeout.toMilliseconds()}ms` }),
  };
}

function checkOneCredential({ key, secret, identity }: TailnetOptions): void {
  const given = Object.entries({ key, secret, identity }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  if (given.length === 1) return;
  throw new InvalidProps(
    'TailnetLayer',
    `exactly one of key, secret and identity is needed to join the tailnet; given: ${given.length === 0 ? 'none' : given.join(' and ')}`,
  );
}

/** Lambda gives a function's init ten seconds, and the rest of it takes time too. */
const longestJoinMs = 8_000;

function checkJoinTimeout({ joinTimeout }: TailnetOptions): void {
  const ms = joinTimeout?.toMilliseconds() ?? longestJoinMs;
  if (ms > longestJoinMs) {
    throw new InvalidProps(
      'TailnetLayer',
      `joinTimeout is ${ms} ms; give ${longestJoinMs} ms at most, because Lambda ends a function's init after 10 s`,
    );
  }
}

const optionNames: Partial<Record<VariableName, string>> = {
  POSTERN_TAILNET_CONTROL_URL: 'controlUrl',
  POSTERN_TAILNET_HOSTNAME: 'hostname',
  POSTERN_TAILNET_CLIENT_ID: 'identity.clientId',
  POSTERN_TAILNET_AUDIENCE: 'identity.audience',
  POSTERN_TAILNET_API_URL: 'identity.apiUrl',
  POSTERN_TAILNET_TAGS: 'tags',
  POSTERN_SOCKS_PORT: 'socksPort',
  POSTERN_JOIN_TIMEOUT: 'joinTimeout',
};

/** Turns a message about variables into one about the options that they come from. */
function inOptions(message: string): string {
  return Object.entries(optionNames).reduce((text, [name, option]) => text.replaceAll(name, option), message);
}
