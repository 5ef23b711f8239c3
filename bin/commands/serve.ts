import { parseArgs } from 'node:util';

/** `postern serve`: runs the gateway on this machine until it is told to stop. */
export async function serve(args: readonly string[]): Promise<number> {
  parseArgs({ args: [...args], options: {} });
  return 0;
}
