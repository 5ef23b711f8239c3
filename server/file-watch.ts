import { type FSWatcher, readlinkSync, watch } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';

/** The number of symbolic links that Linux follows. */
const mostLinks = 40;

/** A folder on the way to the file. */
interface Place {
  /** The relevant names in it. */
  readonly names: Set<string>;
  /** It has the file or a link. Any other folder is watched only if it can be read: it is rarely replaced. */
  needed: boolean;
}

/**
 * Reports when a file may have changed: when it was written or replaced, or when a symbolic link or a folder on the way to it was.
 *
 * The folders are watched instead of the file: an editor that renames a new file to its place, and Kubernetes, which renames a link to
 * the folder of the new files, do not change the old file.
 */
export class FileWatch {
  readonly #file: string;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  #watchers = new Map<string, FSWatcher>();
  #places: ReadonlyMap<string, Place> = new Map();
  #closed = false;

  constructor(file: string, changed: () => void, failed: (error: unknown) => void) {
    this.#file = resolve(file);
    this.#changed = changed;
    this.#failed = failed;
  }

  /** Begins to watch, or follows links that have changed. */
  follow(): void {
    if (this.#closed) return;
    this.#places = placesOf(this.#file);
    const watchers = new Map<string, FSWatcher>();
    for (const [folder, { needed }] of this.#places) {
      const watcher = this.#watchers.get(folder) ?? this.#open(folder, needed);
      if (watcher !== undefined) watchers.set(folder, watcher);
    }
    for (const [folder, watcher] of this.#watchers) if (!watchers.has(folder)) watcher.close();
    this.#watchers = watchers;
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #open(folder: string, needed: boolean): FSWatcher | undefined {
    try {
      const watcher = watch(folder, (_kind, name) => {
        if (name !== null && this.#places.get(folder)?.names.has(name) === false) return;
        this.#closeBelow(join(folder, name ?? ''));
        this.follow();
        this.#changed();
      });
      watcher.on('error', (error) => this.#lose(folder, watcher, error));
      return watcher;
    } catch (error) {
      // What reads the file reports a folder that is missing.
      if (needed && (error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failed(error);
      return undefined;
    }
  }

  /** Another folder may have this path now, and a watcher stays with the folder that it began with. */
  #closeBelow(path: string): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folder !== path && !folder.startsWith(`${path}/`)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
  }

  #lose(folder: string, watcher: FSWatcher, error: unknown): void {
    watcher.close();
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder);
    this.#failed(error);
  }
}

/** The folders where a change can make a path lead to another file: all on its way, and on the way of its links. */
function placesOf(file: string): Map<string, Place> {
  const places = new Map<string, Place>();
  const rest = file.split('/');
  let folder = '/';
  for (let links = 0; rest.length > 0; ) {
    const name = rest.shift() as string;
    const target = links < mostLinks ? linkAt(join(folder, name)) : undefined;
    const place = places.get(folder) ?? { names: new Set(), needed: false };
    places.set(folder, place);
    place.names.add(name);
    place.needed ||= target !== undefined || rest.length === 0;
    if (target === undefined) folder = join(folder, name);
    else {
      links += 1;
      if (isAbsolute(target)) folder = '/';
      rest.unshift(...target.split('/'));
    }
  }
  return places;
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Not a link, or missing.
    return undefined;
  }
}
