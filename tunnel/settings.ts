/** The settings of a tunnel's owner from its host. */
export interface TunnelSettings {
  readonly controlUrl: string;
  /** The name of the node in the tailnet, a DNS label. */
  readonly hostname: string;
  /** Tags that the node requests; empty for the tags of its key. */
  readonly tags: readonly string[];
  /** Peers (names or addresses) that readiness checks ping; empty for the online peers. */
  readonly targets: readonly string[];
  /** The time limit of one join, in milliseconds. */
  readonly joinTimeoutMs: number;
  /** Whether the node stays in the tailnet after the tunnel leaves, with its state on disk; then it comes back without a key. */
  readonly staysInTailnet: boolean;
  readonly words: HostWords;
}

/** Words in messages that depend on the host. */
export interface HostWords {
  /** The name of the setting with the tags. */
  readonly tags: string;
  /** The name of the setting with the targets; undefined if the host has none. */
  readonly targets: string | undefined;
  /** What to check if the control server does not answer. */
  readonly unreachable: string;
}

/** The source of auth keys. */
export interface KeySource {
  /** Whether each key is for one join only; the next join gets another one. */
  readonly oneOff: boolean;
  /** @throws TunnelError */
  read(withinMs: number): Promise<string>;
}
