import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call, callJson } from './http.ts';
import { hubAddress } from './network.ts';
import type { Pki } from './pki.ts';
import { type Running, run, start, until } from './process.ts';

/** What kind of auth key to make; the tags are what a node that joins with it gets. */
export interface KeyOptions {
  readonly reusable?: boolean;
  readonly ephemeral?: boolean;
  readonly tags?: readonly string[];
  /** How long it is valid, in milliseconds from now; negative makes an expired one. */
  readonly validMs?: number;
}

export interface AuthKey {
  readonly id: string;
  readonly key: string;
}

export interface ListedKey {
  readonly id: string;
  readonly expiration: string;
  readonly reusable: boolean;
  readonly ephemeral: boolean;
  readonly aclTags: readonly string[];
}

export interface TailnetNode {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly online: boolean;
  readonly tags: readonly string[];
}

/** A tailnet of the lab's own, run by the real Headscale. */
export interface Headscale {
  readonly url: string;
  readonly running: Running;
  /** Opens its API. */
  readonly apiKey: string;
  /** Every key that it has, without the text that a node joins with. */
  keys(): Promise<readonly ListedKey[]>;
  createKey(options?: KeyOptions): Promise<AuthKey>;
  expireKey(key: AuthKey): Promise<void>;
  nodes(): Promise<readonly TailnetNode[]>;
  deleteNode(id: string): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again with the same state, after `stop`. */
  restart(): Promise<void>;
}

/** Who may reach whom: the functions reach these ports of the targets; targets may try every port of the functions. */
const reachablePorts = [8080, 8081, 8082] as const;

const policy = {
  tagOwners: { 'tag:postern': ['lab@'], 'tag:target': ['lab@'] },
  acls: [
    { action: 'accept', src: ['tag:postern'], dst: [`tag:target:${reachablePorts.join(',')}`] },
    { action: 'accept', src: ['tag:target'], dst: ['tag:postern:*'] },
  ],
};

const port = 8443;

/** Starts Headscale with an empty database, one user and the policy above; about half a second. */
export async function startHeadscale(program: string, folder: string, pki: Pki): Promise<Headscale> {
  mkdirSync(folder);
  const config = join(folder, 'config.json');
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy));
  writeFileSync(config, JSON.stringify(configuration(folder, pki)));
  const url = `https://${hubAddress}:${port}`;
  const authority = readFileSync(pki.authority);

  const serve = async (): Promise<Running> => {
    const running = start('headscale', [program, 'serve', '-c', config], { env: { HOME: folder } });
    const health = async () =>
      (await call(`${url}/health`, { authority })).status === 200 ? true : undefined;
    await until('Headscale answers', health, { running });
    return running;
  };

  let running = await serve();
  const command = [program, '-c', config, 'apikeys', 'create', '--expiration', '24h'];
  const token = (await run(command, { env: { HOME: folder } })).trim().split('\n').at(-1) ?? '';
  const headers = { authorization: `Bearer ${token}` };

  function api<T>(method: string, path: string, json?: unknown): Promise<T> {
    return callJson<T>(`${url}/api/v1/${path}`, { method, headers, authority, json });
  }

  const user = (await api<{ user: { id: string } }>('POST', 'user', { name: 'lab' })).user.id;

  return {
    url,
    get running() {
      return running;
    },
    apiKey: token,
    async keys() {
      return (await api<{ preAuthKeys: readonly ListedKey[] }>('GET', 'preauthkey')).preAuthKeys;
    },
    async createKey(options = {}) {
      const { reusable = true, ephemeral = true, tags = ['tag:postern'], validMs = 3_600_000 } = options;
      const expiration = new Date(Date.now() + validMs).toISOString();
      const request = { user, reusable, ephemeral, expiration, aclTags: tags };
      const { preAuthKey } = await api<{ preAuthKey: AuthKey }>('POST', 'preauthkey', request);
      return preAuthKey;
    },
    async expireKey(key) {
      await api('POST', 'preauthkey/expire', { user, id: key.id, key: key.key });
    },
    async nodes() {
      const { nodes } = await api<{ nodes: readonly RawNode[] }>('GET', 'node');
      return nodes.map((node) => ({
        id: node.id,
        name: node.givenName,
        addresses: node.ipAddresses,
        online: node.online,
        tags: node.tags,
      }));
    },
    async deleteNode(id) {
      await api('DELETE', `node/${id}`);
    },
    async stop() {
      await running.stop('SIGTERM', 1_000);
    },
    async restart() {
      running = await serve();
    },
  };
}

interface RawNode {
  readonly id: string;
  readonly givenName: string;
  readonly ipAddresses: readonly string[];
  readonly online: boolean;
  readonly tags: readonly string[];
}

function configuration(folder: string, pki: Pki): unknown {
  return {
    server_url: `https://${hubAddress}:${port}`,
    listen_addr: `${hubAddress}:${port}`,
    metrics_listen_addr: `${hubAddress}:9090`,
    grpc_listen_addr: `${hubAddress}:50443`,
    grpc_allow_insecure: false,
    tls_cert_path: pki.certificate,
    tls_key_path: pki.key,
    noise: { private_key_path: join(folder, 'noise.key') },
    prefixes: { v4: '100.64.0.0/10', v6: 'fd7a:115c:a1e0::/48', allocation: 'sequential' },
    derp: {
      server: {
        enabled: true,
        region_id: 999,
        region_code: 'lab',
        region_name: 'Laboratory',
        verify_clients: true,
        stun_listen_addr: `${hubAddress}:3478`,
        private_key_path: join(folder, 'derp.key'),
        automatically_add_embedded_derp_region: true,
        ipv4: hubAddress,
        ipv6: 'none',
      },
      urls: [],
      paths: [],
      auto_update_enabled: false,
    },
    disable_check_updates: true,
    // Headscale refuses 65 s or less.
    node: { ephemeral: { inactivity_timeout: '66s' } },
    database: { type: 'sqlite', sqlite: { path: join(folder, 'db.sqlite'), write_ahead_log: true } },
    log: { level: 'info', format: 'text' },
    policy: { mode: 'file', path: join(folder, 'policy.json') },
    dns: {
      magic_dns: true,
      base_domain: 'tail.test',
      override_local_dns: false,
      nameservers: { global: [], split: {} },
    },
    unix_socket: join(folder, 'headscale.sock'),
    unix_socket_permission: '0700',
    logtail: { enabled: false },
    // The defaults gather changes for up to 0.8 s; these cut a join from 2.0 s to 0.2 s.
    tuning: { node_store_batch_size: 1, node_store_batch_timeout: '5ms', batch_change_delay: '20ms' },
  };
}
