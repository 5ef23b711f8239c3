/**
 * The environment that keeps a function of 256 MB within its memory, as docs/functions.md recommends it: Node takes the
 * sandbox for a machine of the host's size, and glibc keeps the bodies that were freed. Both are told to give back.
 */
export const smallMemory = {
  NODE_OPTIONS: '--max-old-space-size=48 --max-semi-space-size=2',
  MALLOC_MMAP_THRESHOLD_: '131072',
} as const;
