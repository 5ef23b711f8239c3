import { dirname, join } from 'node:path';
import { readTailnet, type TailnetEnvironment } from '../adapters/environment/tailnet.ts';
import { systemClock } from '../base/clock.ts';
import { dialSocks } from '../base/socks5/dial.ts';
import { TunnelError } from '../tunnel/causes.ts';
import type { Dial } from '../tunnel/dial-outcome.ts';
import type { HostWords } from '../tunnel/settings.ts';
import { Tailscaled } from '../tunnel/tailscaled.ts';
import { Tunnel } from '../tunnel/tunnel.ts';
import { daemonEnvironment } from './daemon-environment.ts';
import { keySource } from './keys.ts';
import { log } from './log.ts';
import { tunnelMetrics } from './metrics.ts';
import { serveReadiness } from './readiness.ts';

/** Lambda gives init 10 s from the start of the sandbox; a failure must be reported before. */
const initMs = 9_000;

const words: HostWords = {
  tags: 'POSTERN_TAILNET_TAGS',
  targets: 'POSTERN_TAILNET_TARGETS',
  unreachable:
    'If it uses a private CA, put the certificate (PEM) into the layer or another one under /opt/ssl; ' +
    'else check POSTERN_TAILNET_CONTROL_URL and that the function has a way out (a NAT gateway, an open egress rule).',
};

/**
 * Makes the tunnel and its readiness endpoint, and joins the tailnet.
 *
 * @param executable /opt/extensions/postern, which is inside the layer
 * @throws TunnelError
 */
export async function openTunnel(env: NodeJS.ProcessEnv, executable: string): Promise<Tunnel> {
  const settings = readSettings(env);
  const layer = dirname(dirname(executable));
  const extraCas = join(layer, 'ssl');
  const daemon = new Tailscaled({
    binary: join(layer, 'bin', 'tailscaled'),
    directory: join(env.TMPDIR || '/tmp', 'postern'),
    socksPort: settings.socksPort,
    env: daemonEnvironment(env, extraCas),
    clock: systemClock,
  });
  process.on('exit', () => daemon.kill());
  const tunnel = new Tunnel({
    daemon,
    settings: { ...settings, staysInTailnet: false, words },
    clock: systemClock,
    keys: keySource(settings, env, extraCas, systemClock),
    log: tunnelMetrics(log, env.AWS_LAMBDA_FUNCTION_NAME ?? 'extension'),
  });
  const withinMs = Math.min(settings.joinTimeoutMs, initMs - process.uptime() * 1_000);
  await Promise.all([
    tunnel.join(withinMs),
    serveReadiness(tunnel, settings.readinessPort, dialThrough(settings.socksPort)),
  ]);
  return tunnel;
}

function readSettings(env: NodeJS.ProcessEnv): TailnetEnvironment {
  try {
    return readTailnet(env);
  } catch (error) {
    throw new TunnelError('tunnel:misconfigured', (error as Error).message);
  }
}

/** As the function's own connections are made. */
function dialThrough(port: number): Dial {
  return (target, withinMs) => dialSocks({ host: '127.0.0.1', port }, target, withinMs, systemClock);
}
