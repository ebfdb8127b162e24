/** What a restore is told and what it reports. Types only. */
import type { SessionId } from '../base/ids.ts';
import type { Raw } from '../base/raw.ts';
import type { RequestStats } from '../store/request-counts.ts';
import type { PackGate } from './restore-gate.ts';
import type { PackReads } from './restore-reads.ts';

/** What to do with something that is there already. */
export type OverwritePolicy = 'always' | 'if-changed' | 'if-newer' | 'never';

/** What to restore, where to, and how. */
export interface RestoreOptions {
  readonly snapshot: { readonly id: SessionId };
  /** Absolute path in the snapshot; what lies below it goes directly into the target. `/` restores whole paths. */
  readonly path: Raw;
  /** Absolute path of the target directory; made when missing. */
  readonly target: string;
  /** Gitignore-style patterns on paths relative to `path`. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /**
   * `if-changed` keeps files of the same size and time; those that differ in the time alone, and with `always` or
   * `verify` all of the same size, are read and kept when their content is that of the snapshot.
   */
  readonly overwrite: OverwritePolicy;
  /** Remove what is in the target and not in the snapshot. */
  readonly delete: boolean;
  /** Read everything back afterwards and compare. */
  readonly verify: boolean;
  /** Make holes of long runs of zeros even where the source had none. */
  readonly sparse: boolean;
  /** Owners by number even where the names are known here. */
  readonly numericIds: boolean;
  /** Print what would be done and stop. */
  readonly planOnly: boolean;
  readonly workers?: number;
  /** Says which packs can be read; files that need others are left for a later pass. Without it all can be. */
  readonly gate?: PackGate;
  /** Takes what would be read, by pack, while the restore is planned. */
  readonly reads?: PackReads;
}

/** What a restore would do or has done. */
export interface RestorePlan {
  /** Files of the selection, with those that are there already. */
  readonly files: number;
  readonly dirs: number;
  readonly others: number;
  /** Bytes of the files of the selection. */
  readonly bytes: number;
  /** Files that are there already with the same content. */
  readonly filesUnchanged: number;
  readonly packs: number;
  /** Bytes to be read from the store. */
  readonly packBytes: number;
}

/** What a restore has done. */
export interface RestoreStats extends RequestStats {
  readonly plan: RestorePlan;
  readonly filesRestored: number;
  readonly filesUnchanged: number;
  readonly filesSkipped: number;
  /** Left as they are, because a pack that they need cannot be read now. */
  readonly filesFrozen: number;
  readonly filesRemoved: number;
  readonly filesVerified: number;
  readonly dirs: number;
  readonly others: number;
  readonly bytesWritten: number;
  readonly bytesFetched: number;
  readonly errors: number;
  readonly warnings: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
}
