import { after } from '../base/clock.ts';
import { TunnelError } from './causes.ts';
import type { LocalApi, Notify } from './localapi.ts';

/** Looks at one notification. Undefined means that the wait continues. */
export type Decide<T> = (notify: Notify) => T | undefined;

const retryMs = 4;
const openMs = 2_000;

/** tailscaled's notifications, while the process lives, for each caller that waits for one. */
export class Bus {
  readonly #api: LocalApi;
  readonly #closed: AbortSignal | undefined;
  /** Called when the bus has ended, until it is opened again. */
  onEnd: () => void = () => {};
  readonly #listeners = new Set<(notify: Notify) => void>();
  #open = false;
  #opening: Promise<void> | undefined;

  /** @param closed closes the bus permanently when it aborts */
  constructor(api: LocalApi, closed?: AbortSignal) {
    this.#api = api;
    this.#closed = closed;
  }

  /** Each notification goes to this listener, until the end of the process. */
  listen(listener: (notify: Notify) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Opens the bus unless it is open. It retries until tailscaled listens at the socket, which is a moment after its start.
   *
   * @throws TunnelError if that takes longer than `withinMs`
   */
  open(withinMs: number, everyMs: number = retryMs): Promise<void> {
    if (this.#open) return Promise.resolve();
    this.#opening ??= this.#tryOpening(withinMs, everyMs).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /**
   * Waits for the first notification for which `decide` returns a result; an error that it throws rejects.
   *
   * @returns undefined if there was no notification in time or before the signal aborts
   */
  next<T>(decide: Decide<T>, withinMs: number, signal?: AbortSignal): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const listener = (notify: Notify) => {
        try {
          const decided = decide(notify);
          if (decided !== undefined) settle(() => resolve(decided));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const settle = (how: () => void) => {
        stopTimer();
        this.#listeners.delete(listener);
        how();
      };
      this.#listeners.add(listener);
      const giveUp = () => settle(() => resolve(undefined));
      const stopTimer = after(this.#api.clock, withinMs, giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  async #tryOpening(withinMs: number, everyMs: number): Promise<void> {
    const { clock } = this.#api;
    const end = clock.monotonic() + withinMs;
    for (;;) {
      const leftMs = Math.max(1, Math.min(openMs, end - clock.monotonic()));
      try {
        await this.#api.watch(
          (notify) => this.#tell(notify),
          () => {
            this.#open = false;
            this.onEnd();
          },
          leftMs,
          this.#closed,
        );
        this.#open = true;
        return;
      } catch (error) {
        if (clock.monotonic() >= end) {
          throw new TunnelError('tunnel:daemon-failed', `tailscaled's LocalAPI does not answer (${error}).`);
        }
        await clock.sleep(everyMs, this.#closed);
      }
    }
  }

  #tell(notify: Notify): void {
    for (const listener of this.#listeners) listener(notify);
  }
}
