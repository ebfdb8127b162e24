/** What a dump is told and what it reports. Types only. */
import type { Raw } from '../base/raw.ts';
import type { SnapshotInfo } from './browse.ts';

/** What is to be written. */
export interface DumpOptions {
  readonly snapshot: SnapshotInfo;
  /** Absolute path in the snapshot. A file is written as it is, a directory as a tar archive with paths relative to it. */
  readonly path: Raw;
  /** Write a tar archive even for a single file. */
  readonly archive: boolean;
}

/** What was written. */
export interface DumpStats {
  readonly files: number;
  /** All bytes written, headers of an archive included. */
  readonly bytes: number;
  /** Files left out or damaged, and parts of the manifest that could not be read; each was reported. */
  readonly errors: number;
}

/** Where the bytes go; `write` resolves when more may come. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}
