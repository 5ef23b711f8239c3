import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createSecrets } from '../adapters/secrets/index.ts';
import { systemClock } from '../base/clock.ts';
import { createLog } from '../base/log.ts';
import {
  type FinishedRequest,
  InvalidConfiguration,
  loadGateway,
  readTailnetPorts,
} from '../gateway/index.ts';
import { formatAddress, parseListenAddress } from '../server/address.ts';
import { ListenError } from '../server/listen-error.ts';
import { PrometheusMetrics } from '../server/prometheus.ts';
import { serve } from '../server/serve.ts';
import { type PrivateTarget, startPrivateTarget } from './private-target.ts';
import { replies, type Socks5Server, startSocks5Server } from './socks5-server.ts';

/** Everything of the demo, open and ready. Gateway and admin are origins, such as http://127.0.0.1:8080. */
export interface Demo {
  readonly gateway: string;
  readonly admin: string;
  /** HOST:PORT */
  readonly socks: string;
  readonly target: PrivateTarget;
  /** What the gateway knows about the request with this id, once it is over. */
  record(id: string): FinishedRequest | undefined;
  /** From now on, each finished request is passed to the listener. */
  onRequest(tell: (record: FinishedRequest) => void): void;
  /** Ends after Ctrl-C, when all is closed. */
  readonly stopped: Promise<void>;
}

const configuration = fileURLToPath(new URL('postern.yaml', import.meta.url));
/** Where demo/postern.yaml expects the SOCKS5 server; its real port is any free one. */
const proxyInFile = 'socks5://127.0.0.1:1080';
const remembered = 100;

/** Opens the private target, the only way to it, and the gateway on POSTERN_LISTEN and POSTERN_ADMIN. */
export async function open(secret: string): Promise<Demo> {
  const listen = addressFrom('POSTERN_LISTEN', '127.0.0.1:8080');
  const admin = addressFrom('POSTERN_ADMIN', '127.0.0.1:8081');
  const target = await startPrivateTarget();
  const socks = await startSocks5Server((host, port) =>
    host === 'builder.private' && port === 8080
      ? { path: target.socketPath }
      : { refuse: replies.hostUnreachable },
  );
  try {
    return await openGateway(secret, { target, socks, listen, admin });
  } catch (error) {
    await Promise.all([socks.close(), target.close()]);
    throw error;
  }
}

interface Parts {
  readonly target: PrivateTarget;
  readonly socks: Socks5Server;
  readonly listen: ReturnType<typeof parseListenAddress>;
  readonly admin: ReturnType<typeof parseListenAddress>;
}

async function openGateway(secret: string, { target, socks, listen, admin }: Parts): Promise<Demo> {
  const records = new Map<string, FinishedRequest>();
  let tell: (record: FinishedRequest) => void = () => {};
  const { warn, error } = createLog((line) => process.stderr.write(line));
  const log = { info() {}, warn, error };
  const metrics = new PrometheusMetrics();
  const text = await readFile(configuration, 'utf8');
  const loaded = await loadGateway(
    { file: 'demo/postern.yaml', text: text.replace(proxyInFile, `socks5://127.0.0.1:${socks.port}`) },
    {
      clock: systemClock,
      log,
      metrics,
      secrets: createSecrets({ ...process.env, DEMO_WEBHOOK_SECRET: secret }),
      tailnet: readTailnetPorts(process.env),
      finished(record) {
        records.set(record.id, record);
        if (records.size > remembered) records.delete(records.keys().next().value as string);
        tell(record);
      },
    },
  );
  const serving = await serve({ ...loaded, listen, admin, log, metrics });
  const parts = serving.stopped.then(() => Promise.all([socks.close(), target.close()]));
  return {
    gateway: `http://${formatAddress(serving.address)}`,
    admin: `http://${formatAddress(serving.admin)}`,
    socks: `127.0.0.1:${socks.port}`,
    target,
    record: (id) => records.get(id),
    onRequest(listener) {
      tell = listener;
    },
    stopped: parts.then(() => {}),
  };
}

function addressFrom(variable: string, fallback: string) {
  try {
    return parseListenAddress(process.env[variable] || fallback);
  } catch (error) {
    throw new ListenError('listen:address', `${variable}: ${(error as Error).message}`);
  }
}

/** Explains in one line why the demo could not start; unexpected errors keep their stack. */
export function fail(error: unknown): void {
  const expected = error instanceof ListenError || error instanceof InvalidConfiguration;
  const { message, stack } = error as Error;
  process.stderr.write(`postern: ${expected ? message : (stack ?? message)}\n`);
  process.exitCode = 1;
}
