import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder in the user's cache, by a name that says all that its content depends on; made when it is not there.
 *
 * Two that make it at the same time both make the same, and one of them is kept. What failed leaves nothing behind.
 */
export function cached(name: string, make: (directory: string) => void): string {
  const kept = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'postern', name);
  if (existsSync(kept)) return kept;
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
