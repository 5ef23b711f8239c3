import { join } from 'node:path';
import { build } from 'esbuild';
import { directImports } from '../../scripts/build/direct-imports.ts';

/**
 * Bundles the extension into one file that can be executed.
 *
 * CommonJS, because an ES module that imports node:http reads all its exports, and one of them loads undici: 27 ms of each cold
 * start. Node's compile cache gains nothing for a file of this size, so the layer has no cache.
 *
 * @param interpreter the path of Node in the function's sandbox
 */
export async function bundleExtension(interpreter: string): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [join(import.meta.dirname, '..', 'main.ts')],
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    banner: { js: `#!${interpreter}` },
    write: false,
    plugins: [directImports],
    logLevel: 'error',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  return file.contents;
}
