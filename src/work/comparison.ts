/**
 * What of a walk is unchanged: compares with the parent's stat fields, and with the journal of a run that died. Chunks
 * that the parent names are relied on without a look, unless the parent is not known to be whole; then each is looked up.
 */
import { parseJsonObject } from '../base/json.ts';
import type { Raw } from '../base/raw.ts';
import type { FileStat } from '../files/stat.ts';
import type { Entry } from '../format/entry.ts';
import { decodeEntry } from '../format/entry-decode.ts';
import { MAX_ENTRY_BYTES } from '../format/entry-line.ts';
import type { ParentReader } from '../repo/parent-file.ts';
import type { ParentRecord } from '../repo/parent-record.ts';
import type { FileContent } from './backup-entries.ts';
import type { ChunkFields } from './chunk-lists.ts';

const SECOND = 1_000_000_000n;

/** Where an entry of the walk was found. */
export interface ParentPlace {
  readonly record: ParentRecord;
  readonly index: number;
  readonly isJournal: boolean;
}

/** How entries are compared. */
export interface ComparisonOptions {
  readonly parent: ParentReader | undefined;
  readonly journal: ParentReader | undefined;
  /** When the parent's run began: what was modified in that second or later may have changed unseen. */
  readonly parentStarted: bigint;
  /** The same of the journal's run. */
  readonly journalStarted: bigint;
  /** No file counts as unchanged: the parent only tells which are new. */
  readonly mustRead: boolean;
  readonly ignoreCtime: boolean;
  readonly ignoreInode: boolean;
  /** False: the parent's chunks must be looked up before they are relied on. */
  readonly isParentSafe: boolean;
  /** How the entry of a file names its chunks, when all of them are stored. */
  readonly storedChunks: (entry: Entry) => ChunkFields | undefined;
}

/** The parent and the journal, walked side by side with the file system. */
export class Comparison {
  readonly #options: ComparisonOptions;
  readonly #racyFrom: { readonly parent: bigint; readonly journal: bigint };

  constructor(options: ComparisonOptions) {
    this.#options = options;
    const { parentStarted, journalStarted } = options;
    this.#racyFrom = { parent: (parentStarted / SECOND) * SECOND, journal: (journalStarted / SECOND) * SECOND };
  }

  /** Finds an entry; the journal, being newer, comes first. Calls must come in manifest order. */
  find(directory: Raw, name: Raw): ParentPlace | undefined {
    const { parent, journal } = this.#options;
    const inParent = parent?.seek(directory, name) ?? false;
    if (journal?.seek(directory, name)) return { record: journal.record, index: journal.index, isJournal: true };
    return inParent ? { record: parent!.record, index: parent!.index, isJournal: false } : undefined;
  }

  /** True when the stat fields are the same and no change can hide behind the clock's grain. */
  isUnchanged({ record, index: i, isJournal }: ParentPlace, stat: FileStat): boolean {
    const { mustRead, ignoreCtime, ignoreInode } = this.#options;
    if (mustRead && stat.isFile()) return false;
    const racyFrom = isJournal ? this.#racyFrom.journal : this.#racyFrom.parent;
    if (record.mtime[i] !== stat.mtimeNs || record.mode[i] !== Number(stat.mode)) return false;
    if (stat.isFile()) {
      if (record.size[i] !== Number(stat.size) || record.links[i] !== Number(stat.nlink)) return false;
      if (stat.mtimeNs >= racyFrom) return false;
    }
    // A hard link that appears or goes shows in ctime alone.
    const mustSeeCtime = !ignoreCtime || stat.nlink > 1n;
    if (mustSeeCtime && (record.ctime[i] !== stat.ctimeNs || stat.ctimeNs >= racyFrom)) return false;
    if (!ignoreInode && record.inode[i] !== stat.ino) return false;
    return record.uid[i] === Number(stat.uid) && record.gid[i] === Number(stat.gid);
  }

  /** True when the entry can be taken over as it stands in the parent's segment. */
  isReusable(place: ParentPlace): boolean {
    return this.#options.isParentSafe && !place.isJournal;
  }

  /** The content of an unchanged file that cannot be taken over with its segment; undefined when it must be read. */
  storedContent(place: ParentPlace): FileContent | undefined {
    const line = parseJsonObject(place.record.lineOf(place.index), { maxLength: MAX_ENTRY_BYTES + 2 }, 'parent');
    const entry = decodeEntry(line, 'parent');
    if (entry.hardlink !== undefined || entry.flaw !== undefined) return undefined;
    const named = this.isReusable(place) ? entry : this.#options.storedChunks(entry);
    if (!named) return undefined;
    const { chunks, list } = named;
    const { size, sparse, xattrs } = entry;
    return {
      ...(size === undefined ? {} : { size }),
      ...(chunks ? { chunks } : {}),
      ...(list ? { list } : {}),
      ...(sparse ? { sparse } : {}),
      ...(xattrs ? { xattrs } : {}),
    };
  }
}
