import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { builtins } from './builtins.ts';
import { directImports } from './direct-imports.ts';
import { byName, joinChunks, loadedWith } from './join-chunks.ts';
import { leanAws } from './lean-aws.ts';
import { leanUndici } from './lean-undici.ts';
import { partsIn, writeManifest } from './parts.ts';

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
  const options = {
    absWorkingDir: root,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
  } as const satisfies BuildOptions;
  const split = await build({
    ...options,
    entryPoints: { index: `functions/${name}/index.ts` },
    chunkNames: '[name]-[hash]',
    splitting: true,
    sourcemap: 'inline',
    plugins: [builtins, directImports, leanUndici, ...(name === 'rotation' ? [leanAws] : [])],
  });
  const outputs = Object.values(split.metafile.outputs);
  const outside = outputs.flatMap(({ imports }) => imports).filter(({ external }) => external);
  if (outside.length > 0)
    throw new Error(`${name}: not in the bundle: ${outside.map(({ path }) => path).join(', ')}`);
  const parts = partsIn(split.metafile);
  const result = await joinChunks(split, rootsOf(split.metafile, parts), options);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (parts.size > 0) await writeManifest(folder, result.metafile, parts);
  await Promise.all(result.outputFiles.map(({ path, contents }) => writeFile(path, contents)));
  const files = result.outputFiles
    .filter(({ path }) => path.endsWith('.mjs'))
    .map(({ path, contents }) => ({
      name: relative(folder, path),
      bytes: contents.byteLength,
      zippedBytes: deflateRawSync(contents).byteLength,
    }))
    .sort((a, b) => Number(b.name === 'index.mjs') - Number(a.name === 'index.mjs') || b.bytes - a.bytes);
  return { folder, files, inputs: Object.keys(split.metafile.inputs) };
}

/** The files that load much at once: the entry, and those that load parts. */
function rootsOf(metafile: Metafile, parts: ReadonlyMap<string, string>): readonly string[] {
  const outputs = byName(metafile);
  const loadsParts = (file: string) =>
    outputs
      .get(file)
      ?.imports.some(({ path, kind }) => kind === 'dynamic-import' && parts.has(basename(path)));
  const entries = [...outputs].filter(
    ([file, { entryPoint }]) => entryPoint !== undefined && !parts.has(file),
  );
  const loading = entries.filter(([file]) => loadedWith(file, outputs).some(loadsParts));
  return [...new Set(['index.mjs', ...loading.map(([file]) => file)])];
}

export function functionFolder(name: FunctionName, dist = join(root, 'dist')): string {
  return join(dist, 'functions', name);
}
