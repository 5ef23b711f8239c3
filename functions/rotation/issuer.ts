/** What a key must be able to do. Each is ephemeral, reusable and pre-approved. */
export interface WantedKey {
  readonly tags: readonly string[];
  readonly lifetimeMs: number;
  /** Not every issuer keeps it. */
  readonly description: string;
}

/** Times are milliseconds since the epoch, by the issuer's clock. */
export interface MadeKey {
  readonly id: string;
  readonly key: string;
  readonly createdMs: number;
  readonly expiresMs: number;
}

/** What the issuer knows about a key now. */
export interface KeyState {
  /** Neither revoked nor expired, by the issuer's own clock. */
  readonly live: boolean;
  readonly tags: readonly string[];
  readonly reusable: boolean;
  readonly ephemeral: boolean;
  readonly preApproved: boolean;
}

/** Where auth keys come from: one control server with one set of credentials. Every method throws a RotationError. */
export interface Issuer {
  /** Makes a key. Not repeated if it is unknown whether one was made. */
  create(wanted: WantedKey): Promise<MadeKey>;
  /** What the issuer says about the key, or undefined if it has no key with this id. */
  inspect(id: string): Promise<KeyState | undefined>;
  /** From now on no node can join with the key; nodes that have joined stay. An unknown or revoked key is not an error. */
  revoke(id: string): Promise<void>;
}

/** The time that one call of the function has. */
export interface Budget {
  /** The time left until Lambda ends the function. */
  remainingMs(): number;
}

/** Reads the credentials and returns their issuer. @throws RotationError */
export type OpenIssuer = (budget: Budget) => Promise<Issuer>;
