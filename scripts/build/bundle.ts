import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';
import { builtins } from './builtins.ts';
import { directImports } from './direct-imports.ts';
import { leanAws } from './lean-aws.ts';
import { leanUndici } from './lean-undici.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The functions that are bundled, each a folder below functions/ with an index.ts. */
export const functionNames = ['forwarder', 'authorizer', 'rotation'] as const;
export type FunctionName = (typeof functionNames)[number];

export interface BundledFile {
  readonly name: string;
  readonly bytes: number;
  /** About how much it adds to the uploaded zip. */
  readonly zippedBytes: number;
}

export interface Bundle {
  readonly folder: string;
  /** The entry first; source maps are left out. */
  readonly files: readonly BundledFile[];
  /** The files that went in, relative to the repository. */
  readonly inputs: readonly string[];
}

/**
 * Bundles one function into `folder`: index.mjs, the chunks that it loads only when needed, and source maps beside them.
 *
 * Nothing has to be installed: an import that stays outside fails the build. The same sources give the same bytes.
 */
export async function bundleFunction(name: FunctionName, folder: string): Promise<Bundle> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: { index: `functions/${name}/index.ts` },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
    plugins: [builtins, directImports, leanUndici, ...(name === 'rotation' ? [leanAws] : [])],
  });
  const outputs = Object.values(result.metafile.outputs);
  const outside = outputs.flatMap(({ imports }) => imports).filter(({ external }) => external);
  if (outside.length > 0)
    throw new Error(`${name}: not in the bundle: ${outside.map(({ path }) => path).join(', ')}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(result.outputFiles.map(({ path, contents }) => writeFile(path, contents)));
  const files = result.outputFiles
    .filter(({ path }) => path.endsWith('.mjs'))
    .map(({ path, contents }) => ({
      name: relative(folder, path),
      bytes: contents.byteLength,
      zippedBytes: deflateRawSync(contents).byteLength,
    }))
    .sort((a, b) => Number(b.name === 'index.mjs') - Number(a.name === 'index.mjs') || b.bytes - a.bytes);
  return { folder, files, inputs: Object.keys(result.metafile.inputs) };
}

export function functionFolder(name: FunctionName, dist = join(root, 'dist')): string {
  return join(dist, 'functions', name);
}
