/** What the owner of a tunnel is told by its host. */
export interface TunnelSettings {
  readonly controlUrl: string;
  /** The name of the node in the tailnet, a DNS label. */
  readonly hostname: string;
  /** Tags that the node asks for; without any it takes those of its key. */
  readonly tags: readonly string[];
  /** Peers (names or addresses) that readiness is proven against; without any, the peers that are online. */
  readonly targets: readonly string[];
  /** How long one join may take, in milliseconds. */
  readonly joinTimeoutMs: number;
  /** Whether the node stays in the tailnet when the tunnel leaves, with its state on disk; then it comes back without a key. */
  readonly staysInTailnet: boolean;
  readonly words: HostWords;
}

/** What only the host can say in a message. */
export interface HostWords {
  /** The setting that has the tags. */
  readonly tags: string;
  /** The setting that has the targets; undefined when the host has none. */
  readonly targets: string | undefined;
  /** What to check when the control server does not answer. */
  readonly unreachable: string;
}

/** Where the auth keys come from. */
export interface KeySource {
  /** Each key is for one join only; the next join takes another one. */
  readonly oneOff: boolean;
  /** @throws TunnelError */
  read(withinMs: number): Promise<string>;
}
