/** Between an answer and the next question. */
const askEveryMs = 2_000;
/** Without an answer for this long, tailscaled hangs. A busy one answers within a second, even with 0.145 vCPU. */
const silenceMs = 5_000;
/** After a longer gap between two looks the machine was suspended or had no CPU, so tailscaled could not answer either. */
const longestGapMs = 2_500;

/**
 * Notices a daemon that runs but no longer answers: tailscaled can deadlock, and then it makes no more connections.
 *
 * Time counts only while the machine is awake: a suspension of any length is not silence.
 */
export class Watchdog {
  readonly #ask: () => Promise<unknown>;
  readonly #onSilence: (silentMs: number) => void;
  /** Time awake since the last answer. */
  #calmMs = 0;
  /** Time awake since an unanswered question; undefined if there is none. */
  #silentMs: number | undefined;
  /** The current question; an answer to an older one does not count. */
  #question: object | undefined;

  /**
   * @param ask resolves with any answer
   * @param onSilence called once for each silence
   */
  constructor(ask: () => Promise<unknown>, onSilence: (silentMs: number) => void) {
    this.#ask = ask;
    this.#onSilence = onSilence;
  }

  /** Must be called every second or more often, with the wall clock's time since the last call. */
  look(gapMs: number): void {
    const awakeMs = gapMs > 0 && gapMs <= longestGapMs ? gapMs : 0;
    if (this.#silentMs === undefined) this.#calmMs += awakeMs;
    else this.#silentMs += awakeMs;
    if (this.#silentMs !== undefined && this.#silentMs >= silenceMs) {
      const silentMs = this.#silentMs;
      this.forget();
      this.#onSilence(silentMs);
    } else if (this.#calmMs >= askEveryMs) this.#askUnlessAsked();
  }

  /** The daemon was replaced, or has ended. */
  forget(): void {
    this.#calmMs = 0;
    this.#silentMs = undefined;
    this.#question = undefined;
  }

  /** A question that fails without an answer is asked again at the next call. */
  #askUnlessAsked(): void {
    if (this.#question !== undefined) return;
    const question = {};
    this.#question = question;
    this.#silentMs ??= 0;
    this.#ask().then(
      () => this.#question === question && this.forget(),
      () => {
        if (this.#question === question) this.#question = undefined;
      },
    );
  }
}
