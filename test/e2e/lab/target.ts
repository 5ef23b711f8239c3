import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SocksClient } from 'socks';
import { type Echo, startEcho } from './echo.ts';
import type { Headscale } from './headscale.ts';
import { type LocalApi, localApi } from './local-api.ts';
import { type Running, start, until } from './process.ts';

/** A machine in the private network: a real tailnet node, and a web server that only the tailnet reaches. */
export interface Target {
  /** Its name in the tailnet, such as `target.tail.test`. */
  readonly name: string;
  readonly address: string;
  /** On port 8080, which the tailnet's policy lets the functions reach. */
  readonly echo: Echo;
  /** On port 9999, which the policy does not. */
  readonly forbidden: Echo;
  readonly local: LocalApi;
  /** Ends its tailscaled at once, as when the machine loses power. */
  down(): Promise<void>;
  /** Starts it again as the same node, and waits until it is running. */
  up(): Promise<void>;
  /** Tries a connection from this node to another over the tailnet: `open`, or why not. */
  dial(address: string, port: number, limitMs: number): Promise<'open' | string>;
  stop(): Promise<void>;
}

export interface TargetOptions {
  /** The path of tailscaled. */
  readonly tailscaled: string;
  readonly folder: string;
  readonly headscale: Headscale;
  readonly authority: string;
  readonly hostname?: string;
}

const forbiddenPort = 9999;
const socksPort = 2055;

export async function startTarget(options: TargetOptions): Promise<Target> {
  const { folder, headscale, hostname = 'target' } = options;
  mkdirSync(folder);
  const socket = join(folder, 'tailscaled.sock');
  const argv = [
    ...[options.tailscaled, '--tun=userspace-networking', `--statedir=${folder}`],
    ...[`--socket=${socket}`, '--port=0', `--socks5-server=127.0.0.1:${socksPort}`, '--no-logs-no-support'],
  ];
  const env = {
    HOME: folder,
    SSL_CERT_FILE: options.authority,
    TS_NO_LOGS_NO_SUPPORT: 'true',
    TS_DISABLE_PORTMAPPER: 'true',
  };
  const local = localApi(socket);

  async function startDaemon(): Promise<Running> {
    const running = start(`tailscaled of ${hostname}`, argv, { env });
    await until('tailscaled answers', () => local.status(), { running });
    return running;
  }

  let running = await startDaemon();
  const { key } = await headscale.createKey({ tags: ['tag:target'], reusable: false, ephemeral: false });
  await local.join({ key, controlUrl: headscale.url, hostname });
  const [address = ''] = (await local.status()).addresses;
  const echo = await startEcho(8080);
  const forbidden = await startEcho(forbiddenPort);
  return {
    name: `${hostname}.tail.test`,
    address,
    echo,
    forbidden,
    local,
    async down() {
      await running.stop('SIGKILL');
    },
    async up() {
      running = await startDaemon();
      const isRunning = async () => (await local.status()).state === 'Running' || undefined;
      await until('tailscaled is running', isRunning, { running });
    },
    async dial(to, port, limitMs) {
      const proxy = { host: '127.0.0.1', port: socksPort, type: 5 } as const;
      const destination = { host: to, port };
      try {
        const { socket } = await SocksClient.createConnection({
          ...{ proxy, destination, command: 'connect', timeout: limitMs },
        });
        socket.destroy();
        return 'open';
      } catch (error) {
        return (error as Error).message;
      }
    },
    async stop() {
      await running.stop('SIGKILL');
      await echo.close();
      await forbidden.close();
    },
  };
}
