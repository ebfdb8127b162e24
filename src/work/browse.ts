/** Looks into snapshots: resolve, list, find, diff. Reads metadata only. */

import { bug } from '../base/errors.ts';
import type { SessionId } from '../base/ids.ts';
import type { Raw } from '../base/raw.ts';
import type { Entry } from '../format/entry.ts';
import type { Repository } from '../repo/repository.ts';

/** Narrows a set of snapshots. All given conditions must hold; several tags must all be there. */
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
}

/** Lists snapshots, oldest first. Damaged ones are reported to the repository's monitor and left out. */
export async function listSnapshots(_repo: Repository, _filter: SnapshotFilter): Promise<SnapshotInfo[]> {
  throw bug('not built yet');
}

/**
 * Finds the snapshot that `spec` means: an id, a unique prefix of at least 4 characters, `latest` or `latest~N`.
 * @throws kind `user`: `no-such-snapshot`, `ambiguous-snapshot` (data.candidates).
 */
export async function resolveSnapshot(
  _repo: Repository,
  _spec: string,
  _filter: SnapshotFilter,
): Promise<SnapshotInfo> {
  throw bug('not built yet');
}

/** An entry with the absolute path that it has in the snapshot. */
export interface ListedEntry {
  readonly path: Raw;
  readonly entry: Entry;
}

/**
 * Lists what lies at `path` (absolute; `/` for all): for a directory its entries, all below it when `recursive`.
 * @throws kind `user`, `no-such-path`.
 */
export async function* listEntries(
  _repo: Repository,
  _snapshot: SnapshotInfo,
  _path: Raw,
  _recursive: boolean,
): AsyncGenerator<ListedEntry> {
  throw bug('not built yet');
}

export interface FindOptions {
  /** Shell globs; one with a slash is matched against the whole path, another against the name. */
  readonly patterns: readonly string[];
  readonly ignoreCase: boolean;
  readonly filter: SnapshotFilter;
  /** Only in this snapshot (a spec). */
  readonly snapshot?: string;
  readonly type?: Entry['type'];
  readonly newerThan?: bigint;
  readonly olderThan?: bigint;
  readonly minSize?: number;
  readonly maxSize?: number;
}

export interface FoundEntry extends ListedEntry {
  readonly snapshot: SnapshotInfo;
}

export async function* findEntries(_repo: Repository, _options: FindOptions): AsyncGenerator<FoundEntry> {
  throw bug('not built yet');
}

/** One difference. `modified`: content differs; `metadata`: only mode, owner, time or attributes; `type`: another type. */
export interface Difference {
  readonly change: 'added' | 'removed' | 'modified' | 'metadata' | 'type';
  readonly path: Raw;
  readonly before?: Entry;
  readonly after?: Entry;
}

export async function* diffSnapshots(
  _repo: Repository,
  _a: SnapshotInfo,
  _b: SnapshotInfo,
  _options: { readonly path?: Raw; readonly metadata: boolean },
): AsyncGenerator<Difference> {
  throw bug('not built yet');
}
