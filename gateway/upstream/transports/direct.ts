import type { LookupAddress } from 'node:dns';
import { connect, type LookupFunction, type Socket } from 'node:net';
import { after } from '../../../base/clock.ts';
import type { Destination } from '../../../base/net/destination.ts';
import type { Refusal } from '../../answer/verdict.ts';
import type { Clock } from '../../ports/clock.ts';
import { PauseWatch } from '../pause.ts';
import type { Readiness } from '../readiness.ts';
import { upstreamRefusals } from '../refusals.ts';
import { guardTarget } from '../target-guard.ts';
import { ConnectError, type Transport, type TransportKind } from '../transport.ts';

/** After a longer pause kept connections are not trusted: a firewall may have dropped them silently. */
const trustMs = 30_000;

/** Directly from this machine, with its own resolver and routes; both address families are tried (RFC 8305). */
export const direct: TransportKind = {
  name: 'direct',
  guarded: false,
  parse: (text) =>
    text === 'direct' ? ({ clock, sandboxed }) => new DirectTransport(clock, sandboxed) : undefined,
};

class DirectTransport implements Transport {
  readonly #clock: Clock;
  readonly #pause: PauseWatch;
  /** Undefined means the system's own. */
  readonly #lookup: LookupFunction | undefined;
  #epoch = 0;

  constructor(clock: Clock, sandboxed = false) {
    this.#clock = clock;
    this.#pause = new PauseWatch(clock);
    this.#lookup = sandboxed ? guardedLookup : undefined;
  }

  connect({ host, port }: Destination, withinMs: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 60_000,
        ...(this.#lookup && { lookup: this.#lookup }),
      });
      const stopTimer = after(this.#clock, withinMs, () => {
        socket.destroy();
        const detail = `${host}:${port} did not accept the connection within ${Math.round(withinMs)} ms`;
        reject(new ConnectError(upstreamRefusals['connect-timeout'](detail)));
      });

      function onConnect(): void {
        stopTimer();
        socket.off('error', onError);
        resolve(socket);
      }

      function onError(error: NodeJS.ErrnoException): void {
        stopTimer();
        reject(error instanceof ConnectError ? error : new ConnectError(toReply(error), { cause: error }));
      }

      socket.once('connect', onConnect).once('error', onError);
    });
  }

  ready(): Readiness {
    if (this.#pause.passedMs() > trustMs) this.#epoch += 1;
    return { ready: true, epoch: this.#epoch };
  }

  async close(): Promise<void> {}
}

/** Resolves like the system, but fails if one of the addresses cannot be a target. These addresses are the ones connected to. */
const guardedLookup: LookupFunction = function lookup(host, options, callback) {
  const { lookup: resolve } = process.getBuiltinModule('node:dns');
  resolve(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error !== null) return callback(error, []);
    const forbidden = found.find(({ address }) => guardTarget(address) !== undefined);
    if (forbidden !== undefined) {
      const detail = `${host} is ${forbidden.address}, which cannot be a target: ${guardTarget(forbidden.address)?.why}`;
      return callback(new ConnectError(upstreamRefusals['target-denied'](detail)), []);
    }
    const [first] = found;
    if (options.all === true) callback(null, found);
    else callback(null, first?.address ?? '', first?.family);
  });
};

function toReply(error: NodeJS.ErrnoException): Refusal {
  const detail = error.message || error.code;
  switch (error.code) {
    case 'ECONNREFUSED':
      return upstreamRefusals['connection-refused'](detail);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
      return upstreamRefusals['target-unknown'](detail);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return upstreamRefusals['target-offline'](detail);
    case 'EACCES':
    case 'EPERM':
      return upstreamRefusals['target-denied'](detail);
    case 'ETIMEDOUT':
      return upstreamRefusals['connect-timeout'](detail);
    default:
      return upstreamRefusals['connect-failed'](detail);
  }
}
