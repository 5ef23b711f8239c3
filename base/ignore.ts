/** Handles failures that are reported elsewhere, so that Node does not see them as unhandled. */
export function ignore(): void {}
