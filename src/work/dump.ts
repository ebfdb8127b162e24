/** Writes a file's content, or a directory as a tar archive, to a stream. */

import { bug } from '../base/errors.ts';
import type { Monitor } from '../base/monitor.ts';
import type { Raw } from '../base/raw.ts';
import type { Repository } from '../repo/repository.ts';
import type { SnapshotInfo } from './browse.ts';

export interface DumpOptions {
  readonly snapshot: SnapshotInfo;
  /** Absolute path in the snapshot. A file is written as it is, a directory as a tar archive with paths relative to it. */
  readonly path: Raw;
  /** Write a tar archive even for a single file. */
  readonly archive: boolean;
}

export interface DumpStats {
  readonly files: number;
  readonly bytes: number;
  readonly errors: number;
}

/** Where the bytes go; `write` resolves when more may come. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

export async function runDump(
  _repo: Repository,
  _options: DumpOptions,
  _sink: ByteSink,
  _monitor: Monitor,
  _signal: AbortSignal,
): Promise<DumpStats> {
  throw bug('not built yet');
}
