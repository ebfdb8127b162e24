/**
 * What commands that look into snapshots are told and what they yield: list (snapshot-list.ts), ls (listing.ts), find
 * (find.ts) and diff (difference.ts). Types only. All of them read metadata and never touch data packs.
 */
import type { SessionId } from '../base/ids.ts';
import type { Raw } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import type { SnapshotCheck } from '../repo/verify-record.ts';

/**
 * Narrows a set of snapshots. All given conditions must hold: the host is one of `hosts`, the snapshot has all of
 * `tags`, and all of `paths` are among the paths that were backed up (as they were given, not what lies below them).
 * An empty list is no condition.
 */
export interface SnapshotFilter {
  readonly hosts: readonly string[];
  readonly tags: readonly string[];
  readonly paths: readonly Raw[];
}

/** What people see of a snapshot. */
export interface SnapshotInfo {
  readonly id: SessionId;
  readonly time: string;
  readonly host: string;
  readonly user: string;
  readonly paths: readonly Raw[];
  readonly tags: readonly string[];
  readonly excludes: readonly string[];
  readonly files: number;
  readonly dirs: number;
  readonly bytes: number;
  readonly entries: number;
  /** False when some items could not be read. */
  readonly complete: boolean;
  readonly errors: number;
  readonly partial: boolean;
  readonly parent?: string;
  readonly writer: string;
  readonly program: string;
  /** This host's last checks of it, at each level of all and of a part, by time; absent where it made none. */
  readonly verified?: readonly SnapshotCheck[];
}

/** An entry with the absolute path that it has in the snapshot. */
export interface ListedEntry {
  readonly path: Raw;
  readonly entry: Entry;
}

/** What to look for. All given conditions must hold, and one of the patterns must match. */
export interface FindOptions {
  /**
   * Shell globs. One with a slash is matched against the whole path (from the root when it begins with a slash, else
   * from any directory on), another against the name. `*` and `?` stay within a component, `**` does not.
   */
  readonly patterns: readonly string[];
  readonly ignoreCase: boolean;
  readonly filter: SnapshotFilter;
  /** Only in this snapshot (a spec). */
  readonly snapshot?: string;
  readonly type?: Entry['type'];
  /** Modified after, or before, this moment (nanoseconds). */
  readonly newerThan?: bigint;
  readonly olderThan?: bigint;
  /** Sizes are those of files: with one of these nothing else is found. */
  readonly minSize?: number;
  readonly maxSize?: number;
}

/** An entry that was found. */
export interface FoundEntry extends ListedEntry {
  readonly snapshot: SnapshotInfo;
}

/** One difference. `modified`: content differs; `metadata`: only mode, owner, time or attributes; `type`: another type. */
export interface Difference {
  readonly change: 'added' | 'removed' | 'modified' | 'metadata' | 'type';
  readonly path: Raw;
  readonly before?: Entry;
  readonly after?: Entry;
}
