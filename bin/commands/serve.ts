import { parseArgs } from 'node:util';
import { createSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import { createLog } from '../../base/log.ts';
import { redact } from '../../base/redact.ts';
import {
  type ConfigurationSource,
  createAccessLog,
  InvalidConfiguration,
  loadGateway,
  type PortsOf,
  readTailnetPorts,
  type ServerOptions,
  Upstreams,
} from '../../gateway/index.ts';
import { parseListenAddress } from '../../server/address.ts';
import { mostHeldBodyBytes } from '../../server/limits.ts';
import { bufferLines } from '../../server/lines.ts';
import { ListenError } from '../../server/listen-error.ts';
import type { serverProfile } from '../../server/profile.ts';
import { PrometheusMetrics } from '../../server/prometheus.ts';
import { serve as serveGateway } from '../../server/serve.ts';
import { createTailnetNode, type TailnetNode } from '../../server/tailnet.ts';
import { readSource, UsageError } from './usage.ts';

/**
 * `postern serve`: runs the gateway on this machine until SIGTERM or SIGINT; SIGHUP loads the configuration again.
 *
 * Exit 0 after a stop; 1 when the configuration is wrong or a port is taken. POSTERN_LISTEN and POSTERN_ADMIN set the options.
 */
export async function serve(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', default: process.env.POSTERN_CONFIG || 'postern.yaml' },
      listen: { type: 'string', default: process.env.POSTERN_LISTEN || '127.0.0.1:8080' },
      admin: { type: 'string', default: process.env.POSTERN_ADMIN || '127.0.0.1:8081' },
      watch: { type: 'boolean', default: false },
    },
  });
  if (positionals.length > 0)
    throw new UsageError(`serve takes its file by an option: postern serve --config ${positionals[0]}`);
  if (values.watch && values.config === '-')
    throw new UsageError('--watch needs a file; standard input is read once');
  const listen = addressOf('--listen or POSTERN_LISTEN', values.listen);
  const admin = addressOf('--admin or POSTERN_ADMIN', values.admin);
  const source = await readSource(values.config);
  const lines = bufferLines(process.stdout);
  process.once('exit', lines.flush);
  const log = createLog(lines.write);
  const metrics = new PrometheusMetrics();
  const host = {
    env: process.env,
    secrets: createSecrets(process.env),
    log: createLog((line) => lines.write(redact(line))),
    clock: systemClock,
  };
  const upstreams = new Upstreams();
  let tailnet: TailnetNode | undefined;
  let isServing = false;
  function tunnel({ tailnet: options }: ServerOptions): TailnetNode | undefined {
    // Only a restart changes the node.
    if (!isServing && options !== undefined) tailnet ??= createTailnetNode(options, host);
    return tailnet;
  }
  function load(given: ConfigurationSource) {
    // New secrets each time: they keep what they read for some seconds.
    const secrets = createSecrets(process.env);
    const lent: PortsOf<typeof serverProfile> = { clock: systemClock, log, metrics, secrets };
    return loadGateway(given, {
      ...lent,
      tailnet: readTailnetPorts(process.env),
      tunnel,
      mostHeldBodyBytes,
      upstreams,
      finished: createAccessLog(lines.write),
    });
  }
  try {
    const loaded = await load(source);
    // Also when no service needs it yet: one of a later configuration may.
    tunnel(loaded.server);
    isServing = true;
    const reload = values.config === '-' ? undefined : { source, load, watch: values.watch };
    const serving = await serveGateway({
      ...loaded,
      listen,
      admin,
      log,
      metrics,
      tailnet,
      ...(reload && { reload }),
    });
    await serving.stopped;
    return 0;
  } catch (error) {
    if (error instanceof InvalidConfiguration) process.stderr.write(`${error.message}\n`);
    else if (error instanceof ListenError) process.stderr.write(`postern: ${error.message}\n`);
    else throw error;
    return 1;
  }
}

function addressOf(setting: string, text: string) {
  try {
    return parseListenAddress(text);
  } catch (error) {
    throw new UsageError(`${setting}: ${(error as Error).message}`);
  }
}
