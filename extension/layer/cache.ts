import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The folder for everything that is built or fetched once: `$POSTERN_CACHE`, or the folder `postern` in the user's cache. */
export function cacheFolder(): string {
  const { POSTERN_CACHE: own, XDG_CACHE_HOME: users } = process.env;
  return own ? resolve(own) : join(users || join(homedir(), '.cache'), 'postern');
}

/**
 * A folder in the cache, whose name has everything that its content depends on; made if it is missing.
 *
 * Two processes may make it at the same time: the results are equal, and one is kept. A failure leaves nothing behind.
 *
 * @throws Error if it is missing and POSTERN_OFFLINE is set
 */
export function cached(name: string, make: (directory: string) => void): string {
  const kept = join(cacheFolder(), name);
  if (existsSync(kept)) return kept;
  if (process.env.POSTERN_OFFLINE) {
    throw new Error(`${name} is not in ${cacheFolder()}, and POSTERN_OFFLINE forbids to build or fetch it`);
  }
  const making = `${kept}.${process.pid}`;
  try {
    mkdirSync(making, { recursive: true });
    make(making);
    renameSync(making, kept);
  } catch (error) {
    if (!existsSync(kept)) throw error;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return kept;
}
