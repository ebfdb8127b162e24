/** What a backup is told and what it reports: the options and the summary of `icecore backup`. Types only. */

import type { Raw } from '../base/raw.ts';
import type { TagRule } from '../format/object-tags.ts';
import type { RequestStats } from '../store/request-counts.ts';

/** Which entries stay out. Patterns follow .gitignore. */
export interface ExcludeOptions {
  /** From `--exclude`. */
  readonly patterns: readonly string[];
  /** From `--exclude-file`: files of patterns, one a line. */
  readonly files: readonly string[];
  /** From `--ignore-file`: names looked for in every directory (`.gitignore`). */
  readonly ignoreFileNames: readonly string[];
  /** From `--exclude-if-present`: a directory that holds such a file is left out except for that file. */
  readonly ifPresent: readonly string[];
  /** From `--exclude-caches`: directories tagged by CACHEDIR.TAG. */
  readonly caches: boolean;
  /** From `--exclude-larger-than`: bytes. */
  readonly largerThan?: number;
}

/** What `backup` may be told. */
export interface BackupOptions {
  /** Absolute paths; a trailing slash follows a symlink. */
  readonly paths: readonly Raw[];
  /** Instead of paths: one file read from a stream, stored under this name at the root. `finished` rejects when the producer failed. */
  readonly stream?: { readonly name: Raw; readonly content: AsyncIterable<Uint8Array>; finished(): Promise<void> };
  readonly host: string;
  readonly user: string;
  readonly tags: readonly string[];
  readonly exclude: ExcludeOptions;
  readonly oneFileSystem: boolean;
  /** Re-read every file. */
  readonly force: boolean;
  /** Leave ctime or inode out of the comparison with the parent, for file systems that change them. */
  readonly ignoreCtime: boolean;
  readonly ignoreInode: boolean;
  readonly withAtime: boolean;
  /** zstd level instead of the repository's. */
  readonly compression?: number;
  /** Class of this run's data packs instead of the repository's. */
  readonly storageClass?: string;
  /** The data packs of this run are at least about this large, in bytes. */
  readonly packBytes?: number;
  /** Tags of this run's objects, beside those of the repository; of the same key these count. */
  readonly objectTags?: readonly TagRule[];
  readonly dryRun: boolean;
  /** Go on when the source is empty although the parent was not. */
  readonly allowEmpty: boolean;
  /** Worker threads; default one a core. */
  readonly workers?: number;
}

/** What `backup` did; the fields of its summary. Bytes are plaintext unless they say stored. */
export interface BackupStats extends RequestStats {
  readonly snapshot?: string;
  readonly parent?: string;
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnchanged: number;
  readonly dirs: number;
  readonly others: number;
  readonly skipped: number;
  readonly excluded: number;
  readonly errors: number;
  readonly vanished: number;
  readonly bytesScanned: number;
  readonly bytesRead: number;
  readonly bytesNew: number;
  readonly bytesStored: number;
  readonly packs: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
  /** The run was interrupted and left a partial snapshot. */
  readonly partial: boolean;
}
