/** What the list below holds. It has the links itself, so that the list costs a request no memory. */
export interface Linked<One> {
  earlier: One | undefined;
  later: One | undefined;
}

/** The requests that a gateway has begun and not finished. */
export class RequestsUnderWay<One extends Linked<One>> {
  #latest: One | undefined = undefined;
  #waiting: (() => void)[] = [];

  add(request: One): void {
    request.earlier = this.#latest;
    if (this.#latest !== undefined) this.#latest.later = request;
    this.#latest = request;
  }

  remove(request: One): void {
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
  all(): readonly One[] {
    const requests: One[] = [];
    for (let one = this.#latest; one !== undefined; one = one.earlier) requests.push(one);
    return requests;
  }
}
