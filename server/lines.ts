import { ignore } from '../base/ignore.ts';
/** Where the text is written, such as process.stdout. */
export interface TextOutput {
  write(text: string): unknown;
  on(event: 'error', listener: () => void): unknown;
}

export interface LineBuffer {
  /** Takes one line with its newline; it is written within 100 ms. */
  readonly write: (line: string) => void;
  /** Writes what was collected. Call it before the process ends. */
  readonly flush: () => void;
}

const flushCharacters = 64 * 1024;
const flushMs = 100;

/**
 * Collects lines and writes many together: a system call for each line of the access log would cost as much as the rest of it.
 *
 * Without a reader (EPIPE) the lines are lost, and nothing stops.
 */
export function bufferLines(output: TextOutput): LineBuffer {
  let gathered = '';
  let timer: NodeJS.Timeout | undefined;
  output.on('error', ignore);

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === '') return;
    const text = gathered;
    gathered = '';
    output.write(text);
  }

  function write(line: string): void {
    gathered += line;
    if (gathered.length >= flushCharacters) flush();
    else if (timer === undefined) timer = setTimeout(flush, flushMs);
  }

  return { write, flush };
}
