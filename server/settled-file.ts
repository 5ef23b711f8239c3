import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';

/** A file that is being written changes again within this time. */
const settledMs = 100;

/**
 * Reads a file once its size and times have not changed for 100 ms, so not while it is being written or replaced.
 *
 * @throws the system's error if it cannot be read, or the reason of the signal that aborted the wait
 */
export async function readSettled(file: string, clock: Clock, signal: AbortSignal): Promise<string> {
  let before = await stateOf(file);
  for (;;) {
    await clock.sleep(settledMs, signal);
    const state = await stateOf(file);
    if (state === before) {
      if (state === irregular) throw new Error('it is not a regular file, and reading it may never end');
      const text = await readFile(file, 'utf8');
      if ((await stateOf(file)) === state) return text;
    }
    before = state;
  }
}

/** The state of a folder, a pipe or a device. */
const irregular = 'not a regular file';

/** Changes with the file, through symbolic links. */
async function stateOf(file: string): Promise<string> {
  try {
    const found = await stat(file, { bigint: true });
    if (!found.isFile()) return irregular;
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
