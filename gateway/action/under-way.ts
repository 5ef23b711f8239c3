import type { Refusal } from '../answer/verdict.ts';

/** A request under way. It has the links of the list itself, so that the list costs a request no memory. */
export interface RequestUnderWay {
  earlier: RequestUnderWay | undefined;
  later: RequestUnderWay | undefined;
  /** Ends it: with the reply, or broken off if its answer has begun. */
  stop(reply: Refusal): void;
}

/** The requests that a gateway has begun and not finished. */
export class RequestsUnderWay {
  #latest: RequestUnderWay | undefined = undefined;
  #waiting: (() => void)[] = [];

  add(request: RequestUnderWay): void {
    request.earlier = this.#latest;
    if (this.#latest !== undefined) this.#latest.later = request;
    this.#latest = request;
  }

  remove(request: RequestUnderWay): void {
    const { earlier, later } = request;
    if (earlier !== undefined) earlier.later = later;
    if (later !== undefined) later.earlier = earlier;
    else this.#latest = earlier;
    request.earlier = undefined;
    request.later = undefined;
    if (this.#latest === undefined && this.#waiting.length > 0)
      for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when there is none. */
  none(): Promise<void> {
    return this.#latest === undefined
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Those of this moment, from the latest to the earliest. */
  all(): readonly RequestUnderWay[] {
    const requests: RequestUnderWay[] = [];
    for (let one = this.#latest; one !== undefined; one = one.earlier) requests.push(one);
    return requests;
  }
}
