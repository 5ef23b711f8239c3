import { type Clock, limited, systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { cut, type LoadedConfiguration, most } from '../gateway/index.ts';
import { formatAddress, type ListenAddress } from './address.ts';
import { type AdminSubject, startAdmin } from './admin.ts';
import { Generations } from './generations.ts';
import { limitsOf } from './limits.ts';
import { listenError } from './listen-error.ts';
import { startServer } from './listener.ts';
import type { PrometheusMetrics } from './prometheus.ts';
import { Reloader, type ReloadOptions } from './reload.ts';
import { measureServer } from './server-metrics.ts';
import type { TailnetNode } from './tailnet.ts';

export interface ServeOptions extends LoadedConfiguration {
  readonly listen: ListenAddress;
  readonly admin: ListenAddress;
  readonly log: Log;
  /** What `GET /metrics` on the admin address shows. The gateway measures its requests there, the server itself. */
  readonly metrics: PrometheusMetrics;
  /** Started when the addresses are listened on, and closed at the end. */
  readonly tailnet?: TailnetNode | undefined;
  /** How the configuration is loaded again at SIGHUP. Default: it is not, and the signal is not listened to. */
  readonly reload?: ReloadOptions;
  /** The source of SIGTERM, SIGINT and SIGHUP. Default: the process. */
  readonly signals?: SignalSource;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: (signal: string) => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: (signal: string) => void): unknown;
}

export interface Serving {
  readonly address: ListenAddress;
  readonly admin: ListenAddress;
  /** Ends when a signal has come and all is closed. */
  readonly stopped: Promise<void>;
}

/** For the node to leave its tailnet, in what is left of the 30 s. */
const leaveMs = 3_000;

/** For a reload that is under way. A secret on a share that does not answer must not keep the node in its tailnet. */
const reloadMs = 1_000;

/** A terminal's Ctrl-C reaches a program once by itself and once more from npm: only a later one means "now". */
const cutOffAfterMs = 1_000;

/**
 * Runs the gateway on two addresses, one for clients and one for monitoring, until SIGTERM or SIGINT.
 *
 * Then `/readyz` turns 503, no connection is accepted any more, and requests under way finish within `drainTimeout`; a second
 * signal cuts them off. The gateway is closed at the end, and also when an address could not be listened on.
 *
 * @throws ListenError
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { listen, admin, log, metrics, tailnet, signals = process, clock = systemClock } = options;
  const generations = new Generations(options.gateway, log);
  let stopping = false;
  try {
    const limits = limitsOf(options.server.limits);
    const server = await startServer(generations, { ...listen, limits, clock }).catch((error: unknown) => {
      throw listenError(error, listen, 'POSTERN_LISTEN');
    });
    measureServer(metrics, () => server.usage());
    const watch: AdminSubject = {
      ready: (withinMs) => generations.ready(withinMs),
      stopping: () => stopping,
      metrics: () => metrics.text(),
      refused: (id, { status, code }, method, path) =>
        log.warn('admin-refused', { id, method, path: cut(path, most.path), status, code }),
    };
    const watched = await startAdmin(watch, admin).catch(async (error: unknown) => {
      await server.close(0);
      throw listenError(error, admin, 'POSTERN_ADMIN');
    });
    const addresses = { listen: formatAddress(server.address), admin: formatAddress(watched.address) };
    log.info('listening', addresses);
    tailnet?.start();
    const reloader = options.reload && new Reloader(options.reload, options, { generations, log, clock });
    const onHangUp = () => reloader?.request('SIGHUP');
    if (reloader !== undefined) signals.on('SIGHUP', onHangUp);
    reloader?.start();

    async function stop(signal: string, cutOff: AbortSignal): Promise<void> {
      stopping = true;
      const drainTimeoutMs = reloader?.drainTimeoutMs ?? options.server.drainTimeout;
      log.info('stopping', { signal, drainTimeoutMs });
      const reloads = reloader?.stop();
      const cut = await server.close(drainTimeoutMs, cutOff);
      await watched.close();
      if (reloads !== undefined) await limited(clock, reloads, reloadMs);
      await generations.close();
      await tailnet?.close(leaveMs);
      signals.off('SIGHUP', onHangUp);
      log.info('stopped', { connectionsCutOff: cut });
    }
    return { address: server.address, admin: watched.address, stopped: onSignals(signals, stop, clock) };
  } catch (error) {
    await generations.close();
    throw error;
  }
}

/** Calls `stop` at the first signal and aborts its signal at the second; ends when it has ended. */
function onSignals(
  signals: SignalSource,
  stop: (signal: string, cutOff: AbortSignal) => Promise<void>,
  clock: Clock,
): Promise<void> {
  const cutOff = new AbortController();
  let firstMs: number | undefined;
  return new Promise((resolve, reject) => {
    function onSignal(signal: string): void {
      if (firstMs !== undefined) {
        if (clock.monotonic() - firstMs > cutOffAfterMs) cutOff.abort();
        return;
      }
      firstMs = clock.monotonic();
      stop(signal, cutOff.signal)
        .finally(() => {
          signals.off('SIGTERM', onSignal);
          signals.off('SIGINT', onSignal);
        })
        .then(resolve, reject);
    }
    signals.on('SIGTERM', onSignal);
    signals.on('SIGINT', onSignal);
  });
}
