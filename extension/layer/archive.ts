import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';

/** One file of a layer: its path under /opt, and whether it can be executed. */
export interface LayerFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly executable: boolean;
}

/** The host system in a zip's directory under which the mode of a file counts: Unix (APPNOTE.TXT, section 4.4.2). */
const unix = 3;
const regularFile = 0o100000;
/** A zip holds local time, so this is the same everywhere: its earliest. */
const epoch = new Date(1980, 0, 1);

/** A zip that depends only on the files: sorted, with one time and two modes. */
export function zipLayer(files: readonly LayerFile[], level: 6 | 9): Uint8Array {
  const entries: Zippable = {};
  for (const file of sorted(files)) {
    const mode = regularFile | modeOf(file);
    // Shifted as an unsigned number: the mode is the upper half of the external attributes.
    entries[file.path] = [file.content, { level, os: unix, attrs: (mode << 16) >>> 0, mtime: epoch }];
  }
  return zipSync(entries);
}

/** The same as folders and files; replaces what is there. */
export function unpackLayer(files: readonly LayerFile[], directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  for (const file of sorted(files)) {
    const path = join(directory, file.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.content);
    // Not by the mode of writeFileSync, which the umask reduces.
    chmodSync(path, modeOf(file));
  }
}

function modeOf(file: LayerFile): number {
  return file.executable ? 0o755 : 0o644;
}

function sorted(files: readonly LayerFile[]): LayerFile[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
