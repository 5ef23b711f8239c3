import { createHash, randomUUID } from 'node:crypto';
import { hostname as machineName, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Clock, limited } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { dnsLabel } from '../base/net/dns-label.ts';
import type { Secrets, ServerOptions, TunnelOwner } from '../gateway/index.ts';
import { parseAuthKey, unreadableKey } from '../tunnel/auth-key.ts';
import { TunnelError } from '../tunnel/causes.ts';
import { OwnNode } from '../tunnel/own-node.ts';
import { RunningNode } from '../tunnel/running-node.ts';
import type { HostWords, KeySource } from '../tunnel/settings.ts';
import { Tailscaled } from '../tunnel/tailscaled.ts';
import { Tunnel } from '../tunnel/tunnel.ts';

type TailnetOptions = NonNullable<ServerOptions['tailnet']>;

/** The node of the tailnet that `server.tailnet` asks for. */
export interface TailnetNode extends TunnelOwner {
  /** Joins, or looks for the tailscaled that runs; what fails is tried again until the end. */
  start(): void;
  /** Ends what was started, always within the time. */
  close(withinMs: number): Promise<void>;
}

export interface TailnetHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secrets: Secrets;
  /** What it gets may hold lines of tailscaled's own log. */
  readonly log: Log;
  readonly clock: Clock;
}

/** What counts where `server.tailnet` says nothing. */
export const tailnetDefaults = {
  controlUrl: 'https://controlplane.tailscale.com',
  stateDir: '/var/lib/postern/tailnet',
  binary: 'tailscaled',
  ephemeral: false,
} as const;

const joinTimeoutMs = 30_000;

const words: HostWords = {
  tags: 'server.tailnet.tags',
  targets: undefined,
  unreachable:
    'Check server.tailnet.controlUrl and that this machine has a way out; if the certificate comes from a private CA, set ' +
    'SSL_CERT_FILE.',
};

/** Makes the node; nothing is started, read or written yet. */
export function createTailnetNode(options: TailnetOptions, host: TailnetHost): TailnetNode {
  const { socket, key } = options;
  if (socket !== undefined) return new RunningNode(socket, host.log, host.clock);
  if (key === undefined) throw new Error('server.tailnet has neither socket nor key');
  return createOwnNode(options, keySource(key, host), host);
}

function createOwnNode(options: TailnetOptions, keys: KeySource, host: TailnetHost): TailnetNode {
  const { env, log, clock } = host;
  const { controlUrl, ephemeral, stateDir, binary, hostname, tags = [] } = { ...tailnetDefaults, ...options };
  // An unpredictable name: a user who made the folder first would own the socket that the key is sent to.
  const directory = ephemeral ? join(tmpdir(), `postern-${randomUUID()}`) : resolve(stateDir);
  const daemon = new Tailscaled({
    binary,
    directory,
    ...(!ephemeral && { stateFile: join(directory, 'tailscaled.state'), udpPort: portOf(directory) }),
    env: daemonEnvironment(env),
    clock,
  });
  const settings = {
    controlUrl: controlUrl.replace(/\/$/, ''),
    hostname: (hostname ?? dnsLabel(machineName().split('.', 1)[0] ?? '') ?? 'postern').toLowerCase(),
    tags,
    targets: [],
    joinTimeoutMs,
    staysInTailnet: !ephemeral,
    words,
  };
  return new OwnNode(
    new Tunnel({ daemon, settings, keys, log, clock }),
    daemon,
    ephemeral ? directory : undefined,
  );
}

/** The first after tailscaled's own, which a tailscaled of the machine has. */
const firstPort = 41_642;
const ports = 1_000;

/**
 * The same port after each start: peers go on sending to the one that they know for some 6 s, and nothing is reached until then.
 */
function portOf(directory: string): number {
  return firstPort + (createHash('sha256').update(directory).digest().readUInt32BE() % ports);
}

/** Read at each join that needs a key: it may have been replaced since. */
function keySource(reference: string, { secrets, clock }: TailnetHost): KeySource {
  async function read(withinMs: number): Promise<string> {
    const bytes = await limited(clock, secrets.get(reference), withinMs).catch((error: unknown) => {
      throw unreadableKey(error);
    });
    if (bytes === undefined)
      throw new TunnelError('tunnel:secret-unreachable', `${reference} was not read in time.`);
    return parseAuthKey(Buffer.from(bytes).toString('utf8'), reference);
  }
  return { oneOff: false, read };
}

const passedOn = [
  ...['PATH', 'HOME', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...['GOMEMLIMIT', 'GOGC', 'GOMAXPROCS', 'GODEBUG'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
];

/** Nothing of Postern's own environment but what is named here: it may have secrets. */
function daemonEnvironment(env: TailnetHost['env']): Readonly<Record<string, string>> {
  const own: Record<string, string> = { TS_NO_LOGS_NO_SUPPORT: 'true' };
  for (const name of passedOn) {
    const value = env[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}
