import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';

/** A file that is written in pieces changes again within this time. */
const settledMs = 100;

/**
 * Reads a file once its size and its times have not changed for 100 ms: not while it is being written or replaced.
 *
 * @throws the system's error when it cannot be read; the reason of the signal when that aborts the wait
 */
export async function readSettled(file: string, clock: Clock, signal: AbortSignal): Promise<string> {
  let before = await stateOf(file);
  for (;;) {
    await clock.sleep(settledMs, signal);
    const state = await stateOf(file);
    if (state === before) {
      const text = await readFile(file, 'utf8');
      if ((await stateOf(file)) === state) return text;
    }
    before = state;
  }
}

/** What differs between two states of a file, through symbolic links. */
async function stateOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
