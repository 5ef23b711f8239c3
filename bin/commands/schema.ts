import { parseArgs } from 'node:util';
import { configurationSchema } from '../../gateway/index.ts';

/** `postern schema`: prints the JSON Schema (2020-12) of the configuration. */
export async function schema(args: readonly string[]): Promise<number> {
  parseArgs({ args: [...args], options: {} });
  process.stdout.write(`${JSON.stringify(await configurationSchema(), undefined, 2)}\n`);
  return 0;
}
