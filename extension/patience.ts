const attempts = 3;
/** What `callAws` pauses between its attempts, in all. */
const pausesMs = 450;
/** In less time than this one attempt that may take all of it is worth more than three short ones. */
const enoughMs = 1_500;

/** How often a service of AWS is asked, and how long each time, so that all of it fits into the time. */
export function patience(withinMs: number): { readonly attempts: number; readonly timeoutMs: number } {
  if (withinMs < enoughMs) return { attempts: 1, timeoutMs: Math.max(1, withinMs) };
  return { attempts, timeoutMs: (withinMs - pausesMs) / attempts };
}
