/** A transport may be asked at any time whether connections can be made, and whether those made before still live. */
export type Readiness =
  | {
      readonly ready: true;
      /** Rises whenever connections made before should no longer be used for new requests. */
      readonly epoch: number;
    }
  | {
      readonly ready: false;
      readonly code: string;
      readonly detail: string;
      /** As above, where some of the targets may be reached all the same. */
      readonly epoch?: number;
    };

/**
 * Whether nothing can be reached, and why.
 *
 * A tunnel that stands while the targets it was proven against are silent is no reason: another target may answer, and of
 * one that does not, the dial finds out why.
 */
export function obstacle(readiness: Readiness): (Readiness & { readonly ready: false }) | undefined {
  return readiness.ready || readiness.code === 'tunnel:target-unreachable' ? undefined : readiness;
}
