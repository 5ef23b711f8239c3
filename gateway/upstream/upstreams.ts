import type { Upstream } from './upstream.ts';

/** An upstream as one configuration uses it. */
export interface UpstreamLease {
  readonly upstream: Upstream;
  /** Closes the upstream if no other configuration uses it. Once. */
  release(): Promise<void>;
}

interface Shared {
  readonly upstream: Upstream;
  leases: number;
}

/** The upstreams of a process. They outlive a configuration: a service that the next one leaves as it was keeps its connections. */
export class Upstreams {
  readonly #shared = new Map<string, Shared>();

  /** Gives the upstream with this key, which says everything that makes it what it is, or makes it. */
  lease(key: string, create: () => Upstream): UpstreamLease {
    const shared = this.#shared.get(key) ?? { upstream: create(), leases: 0 };
    shared.leases += 1;
    this.#shared.set(key, shared);
    return { upstream: shared.upstream, release: () => this.#release(key, shared) };
  }

  async #release(key: string, shared: Shared): Promise<void> {
    shared.leases -= 1;
    if (shared.leases > 0) return;
    this.#shared.delete(key);
    await shared.upstream.close();
  }
}
