import { readFile } from 'node:fs/promises';
import { CodedError } from '../../base/coded-error.ts';
import type { ConfigurationSource } from '../../gateway/index.ts';

/** The command line itself is wrong: one line, exit 2. */
export class UsageError extends CodedError {
  constructor(message: string) {
    super('usage:wrong', message);
  }
}

/** Reads a configuration from a file. @throws UsageError naming the file and what is wrong with it */
export async function readSource(file: string): Promise<ConfigurationSource> {
  return { file, text: (await readInput(file)).toString('utf8') };
}

/** Reads a file, or standard input for `-`. @throws UsageError */
export async function readInput(file: string): Promise<Buffer> {
  try {
    if (file !== '-') return await readFile(file);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
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

/** What is wrong with the command line, in one sentence; undefined for other errors. */
export function usageMistake(error: unknown): string | undefined {
  if (error instanceof UsageError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  // Node adds advice on arguments that begin with a hyphen.
  return code?.startsWith('ERR_PARSE_ARGS') ? `${message.split('. ', 1)[0]}; see postern help` : undefined;
}
