import { createReadStream } from 'node:fs';
import { type Environment, readEnvironment } from '../../gateway/environment.ts';
import type { ConfigurationSource } from '../../gateway/index.ts';

/** The command line itself is wrong: one line, exit 2. */
export class UsageError extends Error {}

/** Reads a configuration from a file. @throws UsageError naming the file and what is wrong with it */
export async function readSource(file: string): Promise<ConfigurationSource> {
  return { file, text: (await readInput(file)).toString('utf8') };
}

/** The environment's settings. @throws UsageError naming the variable that is wrong */
export function readSettings(): Environment {
  try {
    return readEnvironment(process.env);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** More than any configuration or request here; a device such as /dev/zero has no end. */
const maxBytes = 64 * 1024 * 1024;

/** Reads a file, or standard input for `-`. @throws UsageError */
export async function readInput(file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).byteLength;
      if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : (error as Error).message;
    throw new UsageError(`cannot read ${file}: ${why}`);
  }
}
