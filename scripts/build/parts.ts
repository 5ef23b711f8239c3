import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Metafile } from 'esbuild';
import type { Named } from '../../base/named.ts';

/** Parts are loaded when a configuration mentions them: the files of these folders, by their names. */
const part = /^gateway\/(?:plugins|providers|upstream\/transports)\/([a-z0-9-]+)\.ts$/;

/** Beside a bundle, until its configuration is put there. */
const manifestName = 'parts.json';

interface Manifest {
  /** Every file, and the files that it imports at once or later. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
  /** The files of parts, and the names that they are loaded by. */
  readonly parts: Readonly<Record<string, string>>;
}

/** The files of a bundle that hold parts, with their names. */
export function partsIn({ outputs }: Metafile): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [path, { entryPoint = '' }] of Object.entries(outputs)) {
    const name = part.exec(entryPoint)?.[1];
    if (name !== undefined) found.set(basename(path), name);
  }
  return found;
}

/** Writes down which files of a bundle are needed for which part. */
export async function writeManifest(
  folder: string,
  { outputs }: Metafile,
  parts: ReadonlyMap<string, string>,
): Promise<void> {
  const files = Object.entries(outputs).filter(([path]) => path.endsWith('.mjs'));
  const manifest: Manifest = {
    imports: Object.fromEntries(
      files.map(([path, { imports }]) => [basename(path), imports.map((one) => basename(one.path))]),
    ),
    parts: Object.fromEntries(parts),
  };
  await writeFile(join(folder, manifestName), `${JSON.stringify(manifest)}\n`);
}

/** Removes from a bundle what only parts need that are not named, and the manifest: what is left out stays out. */
export async function keepNamed(folder: string, named: Named): Promise<void> {
  const { imports, parts } = JSON.parse(await readFile(join(folder, manifestName), 'utf8')) as Manifest;
  const kept = new Set<string>();
  function keep(file: string): void {
    const name = parts[file];
    if (kept.has(file) || (name !== undefined && !named(name))) return;
    kept.add(file);
    imports[file]?.forEach(keep);
  }
  keep('index.mjs');
  const leftOut = Object.keys(imports).filter((file) => !kept.has(file));
  const removed = [manifestName, ...leftOut, ...leftOut.map((file) => `${file}.map`)];
  await Promise.all(removed.map((file) => rm(join(folder, file), { force: true })));
}
