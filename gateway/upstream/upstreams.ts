import type { Upstream } from './upstream.ts';

/** One configuration's use of an upstream. */
export interface UpstreamLease {
  readonly upstream: Upstream;
  /** Closes the upstream if no other configuration uses it. Call it once. */
  release(): Promise<void>;
}

interface Shared {
  readonly upstream: Upstream;
  leases: number;
}

/** The upstreams of a process. They outlive a configuration: an unchanged service keeps its connections. */
export class Upstreams {
  readonly #shared = new Map<string, Shared>();

  /** Returns the upstream with this key, or creates it. The key contains everything that the upstream depends on. */
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
