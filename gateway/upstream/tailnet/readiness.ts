import { limited } from '../../../base/clock.ts';
import type { Clock } from '../../ports/clock.ts';
import { PauseWatch } from '../pause.ts';
import type { Readiness } from '../readiness.ts';
import type { EndpointAnswer, TunnelEndpoint } from './endpoint.ts';

/** After a longer pause the sandbox may have been frozen, and kept connections may be half dead: a new dial costs 3 ms. */
const staleMs = 4_000;
/** After a longer pause WireGuard's sessions may be dead too. Only the tunnel's owner can repair them. */
const thawMs = 45_000;
/** How long a refused connection may mean that the owner does not listen yet. */
const startMs = 3_000;
const startRetryMs = 20;
/** Reserved from the given time, so that the reason arrives before the deadline. */
const reserveShare = 0.1;
const mostReserveMs = 200;

/**
 * Knows whether the tunnel is ready. It asks the owner only if it cannot know: the first time, after a pause in which the sandbox
 * may have been frozen, and while the tunnel was not ready. Otherwise an answer costs one read of the clock.
 */
export class TunnelReadiness {
  readonly #endpoint: TunnelEndpoint;
  readonly #clock: Clock;
  readonly #pause: PauseWatch;
  #epoch = 0;
  /** The owner's epoch at its last answer. */
  #ownerEpoch: number | undefined;
  /** The answer without a question; undefined if the owner must be asked. */
  #known: Readiness | undefined;
  #asking: Promise<Readiness> | undefined;
  #firstAskMs: number | undefined;

  constructor(endpoint: TunnelEndpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#pause = new PauseWatch(clock);
  }

  get epoch(): number {
    return this.#epoch;
  }

  ready(withinMs: number): Readiness | Promise<Readiness> {
    const pausedMs = this.#pause.passedMs();
    if (pausedMs > staleMs) this.#raise();
    if (pausedMs > thawMs) this.#known = undefined;
    return this.#known ?? this.ask(withinMs);
  }

  /** Always asks the owner. Never rejects, and never takes longer than the given time. */
  async ask(withinMs: number): Promise<Readiness> {
    const reserveMs = Math.min(mostReserveMs, withinMs * reserveShare);
    const endMs = this.#clock.monotonic() + withinMs - reserveMs;
    for (;;) {
      const leftMs = Math.max(1, endMs - this.#clock.monotonic());
      const joined = this.#asking !== undefined;
      this.#asking ??= this.#askOwner(leftMs).finally(() => {
        this.#asking = undefined;
      });
      const answer = await limited(this.#clock, this.#asking, leftMs);
      if (answer === undefined) return silent(`no answer within ${Math.round(withinMs - reserveMs)} ms`);
      // The first caller may have had less time to wait than this one.
      const impatient = joined && !answer.ready && unsettled.has(answer.code);
      if (!impatient || this.#clock.monotonic() >= endMs) return answer;
    }
  }

  async #askOwner(withinMs: number): Promise<Readiness> {
    this.#firstAskMs ??= this.#clock.monotonic();
    const endMs = this.#clock.monotonic() + withinMs;
    for (;;) {
      const leftMs = Math.max(1, endMs - this.#clock.monotonic());
      try {
        return this.#take(await this.#endpoint.ready(leftMs));
      } catch (error) {
        if (!this.#mayBeStarting(error) || this.#clock.monotonic() + startRetryMs >= endMs) {
          this.#known = undefined;
          const { message, code } = error as NodeJS.ErrnoException;
          const asked = `asked on 127.0.0.1:${this.#endpoint.port}`;
          return silent(
            `${asked}: ${message || code}. Is the layer attached, is POSTERN_SOCKS_PORT the same?`,
          );
        }
        await this.#clock.sleep(startRetryMs);
      }
    }
  }

  #take(answer: EndpointAnswer): Readiness {
    if (!answer.ready) {
      this.#known = undefined;
      return { ...answer, epoch: this.#epoch };
    }
    if (this.#ownerEpoch !== undefined && this.#ownerEpoch !== answer.epoch) this.#raise();
    this.#ownerEpoch = answer.epoch;
    this.#known = Object.freeze({ ready: true, epoch: this.#epoch });
    return this.#known;
  }

  #raise(): void {
    this.#epoch += 1;
    if (this.#known !== undefined) this.#known = Object.freeze({ ready: true, epoch: this.#epoch });
  }

  /** At a cold start the function may be faster than the extension. Later a refusal is final, or every request would wait. */
  #mayBeStarting(error: unknown): boolean {
    const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    const waitedMs = this.#clock.monotonic() - (this.#firstAskMs as number);
    return refused && this.#ownerEpoch === undefined && waitedMs < startMs;
  }
}

const unsettled: ReadonlySet<string> = new Set(['tunnel:joining', 'tunnel:not-answering']);

function silent(detail: string): Readiness {
  return { ready: false, code: 'tunnel:not-answering', detail };
}
