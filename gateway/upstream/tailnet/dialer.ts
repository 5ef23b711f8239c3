import type { Socket } from 'node:net';
import { limited } from '../../../base/clock.ts';
import type { Destination } from '../../../base/net/destination.ts';
import type { DialError } from '../../../base/net/dial-error.ts';
import type { Clock } from '../../ports/clock.ts';
import { notReadyReason, type Readiness } from '../readiness.ts';
import { upstreamRefusals } from '../refusals.ts';
import { guardTarget } from '../target-guard.ts';
import { ConnectError } from '../transport.ts';
import type { TunnelOwner } from './owner.ts';
import type { ConnectCause } from './tunnel.ts';

/**
 * The time of each attempt. tailscaled gives up only after 5 s, and a dial whose first packet was lost (0.3 to 1 % of them) hangs
 * until then. Another dial is faster, and nothing is sent twice because nothing was sent.
 */
const attemptsMs = [400, 1_000] as const;
/** For everything together: attempts, diagnosis, and attempts after the tunnel was joined again. */
const budgetMs = 5_000;
const diagnoseMs = 2_000;
const rounds = 2;
/** The time in which the tunnel's owner notices that its tailscaled has stopped. */
const noticeMs = 50;

interface Explanation {
  readonly error: ConnectError;
  /** Whether the failure may be over already, so that another dial is worth its time. */
  readonly passing: boolean;
}

/** Makes connections through the tunnel within the limits of each attempt, and says exactly why one cannot be made. */
export class TunnelDialer {
  readonly #owner: TunnelOwner;
  readonly #clock: Clock;
  readonly #diagnoses = new Map<string, Promise<Explanation>>();

  constructor(owner: TunnelOwner, clock: Clock) {
    this.#owner = owner;
    this.#clock = clock;
  }

  /** @throws ConnectError, within the given time or 5 s */
  async connect(destination: Destination, withinMs: number): Promise<Socket> {
    refuseForbidden(destination);
    const totalMs = Math.min(withinMs, budgetMs);
    const endMs = this.#clock.monotonic() + totalMs;
    const leftMs = () => endMs - this.#clock.monotonic();
    for (let round = 1; ; round += 1) {
      const { epoch } = this.#owner;
      const dialed = await this.#attempt(destination, leftMs);
      if (!(dialed instanceof Error)) return dialed;
      const { error, passing } = await this.#explain(destination, dialed, leftMs);
      if (leftMs() <= 0) throw error;
      // The owner may have joined again in the meantime, on its own or because of the diagnosis.
      const now = await this.#owner.ask(leftMs());
      const why = notReadyReason(now);
      // The diagnosis of this target says more than that the tunnel joins again because of it.
      const known = !passing && why?.code === 'tunnel:joining';
      if (why !== undefined && !known) throw notReady(why);
      const changed = now.ready && (now.epoch !== epoch || passing);
      if (!changed || round === rounds || leftMs() <= 0) throw error;
    }
  }

  async #attempt(destination: Destination, leftMs: () => number): Promise<Socket | DialError> {
    let failed: DialError | undefined;
    for (const limitMs of attemptsMs) {
      if (failed !== undefined && leftMs() <= 0) break;
      try {
        return await this.#owner.dial(destination, Math.min(limitMs, leftMs()));
      } catch (error) {
        failed = error as DialError;
        // Only a dial without any answer can succeed on another attempt.
        if (failed.failure !== 'timeout') break;
      }
    }
    return failed as DialError;
  }

  async #explain(destination: Destination, error: DialError, leftMs: () => number): Promise<Explanation> {
    if (error.failure === 'no-proxy') {
      await this.#clock.sleep(Math.max(0, Math.min(noticeMs, leftMs())));
      const reply = upstreamRefusals['tunnel-not-ready'](error.message);
      return { error: new ConnectError(reply, { cause: error }), passing: true };
    }
    if (leftMs() <= 0) return undiagnosed(destination, error);
    const withinMs = Math.min(diagnoseMs, leftMs());
    const diagnosis = this.#diagnose(destination, error, withinMs);
    return (await limited(this.#clock, diagnosis, withinMs)) ?? undiagnosed(destination, error);
  }

  /** All concurrent failures to reach one target share one diagnosis. */
  #diagnose(destination: Destination, error: DialError, withinMs: number): Promise<Explanation> {
    const key = `${destination.host} ${destination.port}`;
    const underWay = this.#diagnoses.get(key);
    if (underWay !== undefined) return underWay;
    const diagnosis = this.#owner
      .diagnose(destination, withinMs)
      .then(
        ({ code, detail }) => ({
          error: new ConnectError(refusalOf(code)(detail), { cause: error }),
          // The owner found nothing wrong, or has just repaired it.
          passing: code === 'upstream:connect-timeout',
        }),
        () => undiagnosed(destination, error),
      )
      .finally(() => this.#diagnoses.delete(key));
    this.#diagnoses.set(key, diagnosis);
    return diagnosis;
  }
}

function refuseForbidden({ host }: Destination): void {
  const problem = guardTarget(host);
  if (problem !== undefined) {
    const detail = `${JSON.stringify(host)} cannot be a target: ${problem.why}`;
    throw new ConnectError(upstreamRefusals['target-denied'](detail));
  }
}

/** The error for a tunnel that is not ready, with its cause. */
export function notReady(readiness: Readiness & { readonly ready: false }): ConnectError {
  return new ConnectError(upstreamRefusals['tunnel-not-ready'](`${readiness.code}: ${readiness.detail}`));
}

function undiagnosed({ host, port }: Destination, error: DialError): Explanation {
  const refusal = upstreamRefusals[error.failure === 'timeout' ? 'connect-timeout' : 'connect-failed'];
  const reply = refusal(`${host}:${port}: ${error.message}; no diagnosis`);
  return { error: new ConnectError(reply, { cause: error }), passing: false };
}

function refusalOf(code: ConnectCause): (detail: string) => ReturnType<typeof upstreamRefusals.reset> {
  const name = code.slice('upstream:'.length) as 'target-unknown';
  return upstreamRefusals[name];
}
