import { cp } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { root } from './bundle.ts';

/** The folder into which the compiler writes the package. */
export const packageFolder = join(root, 'dist', 'package');

/** Copies the files that lib's constructs read and the compiler does not copy: scripts and units of the demo's target. */
export async function copyStaticFiles(outDir = packageFolder): Promise<void> {
  await cp(join(root, 'lib'), join(outDir, 'lib'), {
    recursive: true,
    filter: (source) => extname(source) !== '.ts',
  });
}
