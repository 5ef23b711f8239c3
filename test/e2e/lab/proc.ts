import { readdirSync, readFileSync } from 'node:fs';

/** A process and what it holds in memory, in bytes. */
export interface ProcessMemory {
  readonly pid: number;
  /** Its arguments. */
  readonly argv: readonly string[];
  /** What is resident; pages that processes share count for each of them. */
  readonly residentBytes: number;
  /** The same, with shared pages divided among those that share them. */
  readonly proportionalBytes: number;
}

/** The children of a process and theirs, parents first. */
export function descendants(pid: number): readonly number[] {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

// A child belongs to the thread that started it, and Go starts processes from any of its threads.
function children(pid: number): readonly number[] {
  return threads(pid).flatMap((thread) => {
    const text = readOr('', `/proc/${pid}/task/${thread}/children`).trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
}

function threads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

export function readMemory(pid: number): ProcessMemory {
  return {
    pid,
    argv: readOr('', `/proc/${pid}/cmdline`).split('\0').slice(0, -1),
    residentBytes: kilobytes(readOr('', `/proc/${pid}/status`), 'VmRSS'),
    proportionalBytes: kilobytes(readOr('', `/proc/${pid}/smaps_rollup`), 'Pss'),
  };
}

/** How many user ids exist here: one in a namespace of an ordinary user. */
export function userIds(): number {
  const lines = readOr('0 0 4294967295', '/proc/self/uid_map').trim().split('\n');
  return Math.max(...lines.map((line) => Number(line.trim().split(/\s+/)[2])));
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+([0-9]+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

// A process may end between being listed and being read.
function readOr(fallback: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
}
