/** What a scan is told and what it yields. scan.ts does it. */
import type { Problem } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { EntryType } from '../format/entry.ts';
import type { ExcludeMatcher } from './exclude.ts';
import type { Exclusion } from './exclude-rules.ts';
import type { FileSystem, FsPath } from './fs.ts';
import type { NameLookup } from './libc.ts';
import type { FileStat } from './stat.ts';

/** One entry of a directory, as lstat saw it. */
export interface ScanEntry {
  readonly name: Raw;
  readonly type: EntryType | 'socket';
  /** Nanoseconds and sizes are exact. A symlink on the way to a root has the stat of the directory it leads to. */
  readonly stat: FileStat;
  /** Why a directory is not descended into although nothing excludes it. It was reported already. */
  readonly problem?: Problem;
}

/** At most 1,024 entries of one directory, in the order of a manifest. */
export interface ScanPage {
  /** Absolute; `/` is the root. Very deep trees: do not search in it without need, that would copy it. */
  readonly path: Raw;
  /** How many components the path has: 0 for `/`. */
  readonly depth: number;
  /** Sorted by the bytes of their names, also across the pages of a directory. */
  readonly entries: readonly ScanEntry[];
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** A path, short enough for the system, of a name in this directory; until the next page is asked for. May throw. */
  readonly fsPathOf: (name: Raw) => FsPath;
  /** The directory could not be listed, or not to its end: there may be entries that are missing here. */
  readonly problem?: Problem;
}

/** How to scan. Callbacks must not throw, unless the scan is to end so. */
export interface ScanOptions {
  readonly exclude?: ExcludeMatcher;
  /** Do not descend into directories on another device than their root; they are kept as empty ones. */
  readonly oneFileSystem?: boolean;
  readonly onExcluded?: (path: Raw, exclusion: Exclusion) => void;
  readonly onProblem?: (problem: Problem) => void;
  /** Looks at names by it, which takes half the time; without it, through `fs`. */
  readonly libc?: NameLookup | undefined;
  /** For tests. */
  readonly fs?: FileSystem;
}
