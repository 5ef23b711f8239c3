/** Whether connections can be made now, and whether earlier ones are still alive. */
export type Readiness =
  | {
      readonly ready: true;
      /** Increases whenever existing connections should not be used for new requests. */
      readonly epoch: number;
    }
  | {
      readonly ready: false;
      readonly code: string;
      readonly detail: string;
      /** Like above, if some of the targets may still be reachable. */
      readonly epoch?: number;
    };

/**
 * Whether nothing can be reached, and why.
 *
 * A ready tunnel whose checked targets are silent is not a reason: another target may answer, and if one does not, the dial finds
 * out why.
 */
export function notReadyReason(readiness: Readiness): (Readiness & { readonly ready: false }) | undefined {
  return readiness.ready || readiness.code === 'tunnel:target-unreachable' ? undefined : readiness;
}
