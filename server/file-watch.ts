import { type FSWatcher, readlinkSync, watch } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';

/** The number of symbolic links that Linux follows. */
const mostLinks = 40;

/**
 * Reports when a file may have changed: when it was written or replaced, or when a symbolic link on the way to it was.
 *
 * The folders are watched instead of the file: an editor that renames a new file to its place, and Kubernetes, which renames a link to
 * the folder of the new files, do not change the old file.
 */
export class FileWatch {
  readonly #file: string;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  #watchers = new Map<string, FSWatcher>();
  /** The relevant names in each folder. */
  #names: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #closed = false;

  constructor(file: string, changed: () => void, failed: (error: unknown) => void) {
    this.#file = resolve(file);
    this.#changed = changed;
    this.#failed = failed;
  }

  /** Begins to watch, or follows links that have changed. */
  follow(): void {
    if (this.#closed) return;
    this.#names = placesOf(this.#file);
    const watchers = new Map<string, FSWatcher>();
    for (const folder of this.#names.keys()) {
      const watcher = this.#watchers.get(folder) ?? this.#open(folder);
      if (watcher !== undefined) watchers.set(folder, watcher);
    }
    for (const [folder, watcher] of this.#watchers) if (!watchers.has(folder)) watcher.close();
    this.#watchers = watchers;
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, (_kind, name) => {
        if (name !== null && this.#names.get(folder)?.has(name) === false) return;
        this.follow();
        this.#changed();
      });
      watcher.on('error', (error) => this.#lose(folder, watcher, error));
      return watcher;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #lose(folder: string, watcher: FSWatcher, error: unknown): void {
    watcher.close();
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder);
    this.#failed(error);
  }
}

/** The folders where a change can make a path lead to another file, its own and those of the links on its way, with the relevant names. */
function placesOf(file: string): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  const rest = file.split('/');
  let folder = '/';
  for (let links = 0; rest.length > 0; ) {
    const name = rest.shift() as string;
    const target = links < mostLinks ? linkAt(join(folder, name)) : undefined;
    if (target !== undefined || rest.length === 0) {
      const names = places.get(folder) ?? new Set();
      places.set(folder, names.add(name));
    }
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
