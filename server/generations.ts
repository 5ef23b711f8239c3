import type { Log } from '../base/log.ts';
import type { Gateway, IncomingRequest, Readiness, Sink } from '../gateway/index.ts';

/**
 * The current gateway, and earlier ones that still have requests under way.
 *
 * A request is finished by the gateway that it began with, or moves to the current one if it takes longer than the others may. A gateway that was replaced is closed when its last request is over.
 */
export class Generations {
  #current: Gateway;
  #generation = 1;
  readonly #log: Log;
  readonly #ending = new Set<Promise<void>>();

  constructor(first: Gateway, log: Log) {
    this.#current = first;
    this.#log = log;
  }

  handle(request: IncomingRequest, sink: Sink): ReturnType<Gateway['handle']> {
    return this.#current.handle(request, sink);
  }

  refused(...seen: Parameters<Gateway['refused']>): void {
    this.#current.refused(...seen);
  }

  ready(withinMs: number): Promise<ReadonlyMap<string, Readiness>> {
    return this.#current.ready(withinMs);
  }

  /**
   * Sends new requests to this gateway. Requests under way in the previous one have this many milliseconds left.
   *
   * @returns the number of the new generation; the first one is 1
   */
  swap(next: Gateway, drainTimeoutMs: number): number {
    const ending = this.#end(this.#current, this.#generation, drainTimeoutMs);
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
    this.#current = next;
    this.#generation += 1;
    return this.#generation;
  }

  /** Closes all gateways, when no request is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#ending, this.#current.close()]);
  }

  async #end(gateway: Gateway, generation: number, drainTimeoutMs: number): Promise<void> {
    const { cutOff, moved } = await gateway.drain(drainTimeoutMs, () => this.#current);
    await gateway.close();
    this.#log.info('drained', { generation, requestsCutOff: cutOff, requestsMoved: moved });
  }
}
